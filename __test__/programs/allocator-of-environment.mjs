// Which allocator a process begins with, and which a worker thread that starts after a switch finds.

import { fileURLToPath } from 'node:url'
import { isMainThread, Worker } from 'node:worker_threads'
import { allocator } from 'faultless'

console.log(allocator.current)
if (isMainThread) {
  allocator.use('glibc')
  new Worker(fileURLToPath(import.meta.url))
}
