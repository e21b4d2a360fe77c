// Loads the addon in workers alone: the last of them gone, it is loaded again, and a cut file still kills nobody.

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { temporaryFolder } from '../helpers/files.mjs'

const entry = new URL('./life-again-worker.mjs', import.meta.url)
const answers = []
for (let round = 0; round < 8; round++) {
  const worker = new Worker(entry, { workerData: { folder: temporaryFolder() } })
  const exit = once(worker, 'exit')
  const [answer] = await once(worker, 'message')
  answers.push(answer)
  if (round % 2) await worker.terminate()
  await exit
  // Once long enough for the threads that the addon may have of its own to end.
  if (round === 3) await delay(1300)
}
console.log(JSON.stringify([...new Set(answers)]))
