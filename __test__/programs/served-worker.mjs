// A worker thread that opens a file, and reads all of it when it is told to.

import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'

const { path, way } = workerData
const file = await MappedFile.open(path)
const told = once(parentPort, 'message')
parentPort.postMessage('open')
await told
const ways = {
  read: () => file.read(),
  view: async () => Buffer.from(await file.view()),
  mmapRead: () => mmapRead(`${path}-other`),
}
const bytes = await ways[way]()
await file.close()
parentPort.postMessage(bytes)
