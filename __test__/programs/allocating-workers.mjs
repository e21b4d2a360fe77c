// Four workers that allocate buffers above malloc's threshold for mmap, for so many milliseconds each, and as many at least.

import { isMainThread, Worker, workerData } from 'node:worker_threads'

if (isMainThread) {
  for (let index = 0; index < 4; index += 1)
    new Worker(new URL(import.meta.url), { workerData: Number(process.argv[2]) })
} else {
  const end = Date.now() + workerData
  for (let made = 0; made < workerData || Date.now() < end; made += 1) Buffer.allocUnsafeSlow(200_000).fill(1)
}
