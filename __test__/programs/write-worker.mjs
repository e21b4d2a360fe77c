// A worker that locks, writes and flushes a file in its own part of it, for ever or a number of rounds.

import { parentPort, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'

const { path, start, length, rounds } = workerData
const file = await MappedFile.open(path, { flags: 'r+' })
const view = await file.view(start, length)
parentPort.postMessage('open')
for (let round = 1; round <= (rounds ?? Number.POSITIVE_INFINITY); round++) {
  view.fill(round % 256, 0, length / 2)
  await Promise.all([
    file.lock(),
    file.write(Buffer.alloc(length / 2, round % 256), start + length / 2),
    file.flush(start, length),
  ])
  await file.unlock()
}
await file.flush()
parentPort.postMessage('done')
await file.close()
parentPort.close()
