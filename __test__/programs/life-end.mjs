// Ends in the way that the second argument names, with reads of every kind in flight, here and in a worker.

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { MiB } from '../helpers/files.mjs'

const [path, way, wait] = process.argv.slice(2)
const worker = new Worker(new URL('./busy-worker.mjs', import.meta.url), { workerData: { path } })
await once(worker, 'message')
const file = await MappedFile.open(path)
const view = await file.view()
for (let index = 0; index < 14; index++) {
  file.read(index * MiB, 2 * MiB)
  file.readInto(Buffer.alloc(MiB), index * MiB)
  file.view(index * MiB, MiB)
  file.readMany([0, 1, 2].map(n => ({ offset: index * MiB + n * 9000, length: 9000 })))
  file.prefault(index * MiB, MiB)
  mmapRead(path, index * MiB, MiB)
}
if (wait > 0) await delay(Number(wait))
if (way === 'exit') process.exit(view[0] >= 0 ? 7 : 8)
throw new Error('nobody catches this')
