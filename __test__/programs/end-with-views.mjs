// Holds views until the end, of a worker and of the process: end-with-views.mjs PATH

import { once } from 'node:events'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'

const path = workerData ?? process.argv[2]
const file = await MappedFile.open(path)
globalThis.held = [await file.view(), await file.read(0, 300 * 1024)]

if (isMainThread) {
  const [code] = await once(new Worker(new URL(import.meta.url), { workerData: path }), 'exit')
  console.log(JSON.stringify({ worker: code }))
}
