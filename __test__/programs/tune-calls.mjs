// Calls allocator.tune() with each of the tunings of the first argument, here or in so many workers at once as the second
// says, and prints what each call answered.

import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { allocator } from 'faultless'

if (isMainThread) await main()
else parentPort.postMessage(answers(workerData))

async function main() {
  const [tunings, workers] = process.argv.slice(2).map(text => JSON.parse(text))
  const results = workers === undefined ? answers(tunings) : await Promise.all(inWorkers(workers, tunings))
  console.log(JSON.stringify(results))
}

function answers(tunings) {
  return tunings.map(tuning => allocator.tune(...(tuning === null ? [] : [tuning])))
}

function inWorkers(count, tunings) {
  return Array.from({ length: count }, async () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: tunings })
    // Both are waited for at once: a worker may have ended by the time that its message is taken.
    const [[answer]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
    return answer
  })
}
