// One worker thread that sums up one file, mapped or conventionally, as often as it is told to.
import { closeSync, openSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { mapNaively } from './peers.mjs'
import { sumDescriptor, sumMapped } from './sums.mjs'

/** @type {{ io: 'mmap' | 'read', path: string, size: number }} */
const { io, path, size } = workerData
const source = io === 'mmap' ? await openMap() : openFile()

parentPort.on('message', word => {
  if (word === 'sum') return parentPort.postMessage(source.sum())
  source.close()
  parentPort.close()
})
parentPort.postMessage('ready')

async function openMap() {
  const { mapped, close } = await mapNaively(path, size)
  return { sum: () => sumMapped(mapped), close }
}

function openFile() {
  const descriptor = openSync(path)
  return { sum: () => sumDescriptor(descriptor), close: () => closeSync(descriptor) }
}
