// Two worker threads in a function of an addon, again and again until they are killed; says when both have begun.
//
// Arguments: the addon, and the name of the function.

import { once } from 'node:events'
import { createRequire } from 'node:module'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

if (isMainThread) {
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url), { workerData: process.argv.slice(2) }))
  await Promise.all(workers.map(worker => once(worker, 'message')))
  console.log('ready')
} else {
  const [path, name] = workerData
  const addon = createRequire(import.meta.url)(path)
  addon[name](1)
  parentPort.postMessage('begun')
  for (;;) addon[name](50)
}
