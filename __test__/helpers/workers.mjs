// Worker threads that read and view a file, step by step on command.

import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

const entry = new URL('../programs/reader-worker.mjs', import.meta.url)

/** Starts the workers; resolves when each has opened the file and made a view. They end with the test. */
export async function startReaders(t, count, workerData) {
  const workers = Array.from({ length: count }, () => new Worker(entry, { workerData }))
  t.teardown(() => stop(workers))
  await all(workers, 'open')
  return workers
}

/** Has every worker take the step; what each answered. */
export function all(workers, step) {
  return Promise.all(
    workers.map(async worker => {
      const answer = once(worker, 'message')
      worker.postMessage(step)
      return (await answer)[0]
    }),
  )
}

export const stop = workers => Promise.all(workers.map(worker => worker.terminate()))
