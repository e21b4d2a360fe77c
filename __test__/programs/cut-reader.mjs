// A worker thread that reads a file by every method while it is cut, and tells what it got when told to stop.

import { setImmediate as turn } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { MiB, PAGE, seededBytes, seededNumbers } from '../helpers/files.mjs'

const { path, number } = workerData
const random = seededNumbers(number + 1)
const file = await MappedFile.open(path)
const size = file.byteLength
const original = seededBytes(size)
const target = Buffer.alloc(300_000)
const result = { right: 0, truncated: 0, wrong: [] }

const ways = {
  read: offset => file.read(offset, 50_000),
  long: offset => file.read(offset, MiB),
  readInto: async offset => target.subarray(0, await file.readInto(target, offset)),
  readMany: async offset =>
    Buffer.concat(await file.readMany([0, 1, 2].map(n => ({ offset: offset + n * 800, length: 800 })))),
  mmapRead: offset => mmapRead(path, offset, PAGE),
}

async function once([name, way]) {
  const offset = Math.floor(random() * (size - MiB))
  try {
    const bytes = await way(offset)
    if (original.subarray(offset, offset + bytes.length).equals(bytes)) result.right++
    else result.wrong.push(`${name} at ${offset}`)
  } catch (error) {
    if (error.code === 'ERR_FILE_TRUNCATED') result.truncated++
    else result.wrong.push(`${name}: ${error.message}`)
  }
}

// A view shows what was there, or zeros, and never ends the process.
const view = await file.view()
function look() {
  const offset = Math.floor(random() * size)
  if (view[offset] !== 0 && view[offset] !== original[offset]) result.wrong.push(`view at ${offset}`)
}

let going = true
parentPort.once('message', () => {
  going = false
})
parentPort.postMessage('reading')
while (going) {
  await Promise.all(Object.entries(ways).map(once))
  look()
  await turn()
}
await file.close()
parentPort.postMessage(result)
