// Four workers that allocate buffers above malloc's threshold for mmap, for so many milliseconds.

import { isMainThread, Worker, workerData } from 'node:worker_threads'

if (isMainThread) {
  const workerData = Date.now() + Number(process.argv[2])
  for (let index = 0; index < 4; index += 1) new Worker(new URL(import.meta.url), { workerData })
} else {
  while (Date.now() < workerData) Buffer.allocUnsafeSlow(200_000).fill(1)
}
