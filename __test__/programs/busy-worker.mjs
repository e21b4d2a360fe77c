// A worker thread that reads a file by every method at once, for ever.

import { parentPort, workerData } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { KiB, MiB } from '../helpers/files.mjs'

const file = await MappedFile.open(workerData.path)
const target = Buffer.alloc(MiB)

async function forEver(work) {
  for (let index = 0; ; index = (index + 1) % 15) await work(index * MiB)
}

parentPort.postMessage('reading')
await Promise.all([
  forEver(offset => file.read(offset, MiB)),
  forEver(offset => file.readInto(target, offset)),
  forEver(offset => file.view(offset, 100 * KiB)),
  forEver(offset => file.readMany([0, 1, 2, 3].map(n => ({ offset: offset + n * KiB, length: KiB })))),
  forEver(offset => file.slice(offset, offset + 100 * KiB)),
  forEver(offset => mmapRead(workerData.path, offset, MiB)),
])
