// A worker that appends records of its own to a file by two handles, and says where each went.

import { parentPort, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'

const { path, number, records, length } = workerData
const files = [await MappedFile.open(path, 'a+'), await MappedFile.open(path, 'r+')]
const appended = Array.from({ length: records }, (_, index) =>
  files[index % 2].append(Buffer.alloc(length, number * records + index)),
)
const offsets = await Promise.all(appended)
await Promise.all(files.map(file => file.close()))
parentPort.postMessage(offsets)
