// The actors: one on the main thread, the others in workers, some of which are terminated in the middle of it and come again.
// actors.mjs '{ folder, names, written, log, seed, workers, until }'

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { seededNumbers } from '../helpers/files.mjs'
import { act } from './actor.mjs'

const { workers, log, seed, ...options } = JSON.parse(process.argv[2])
const random = seededNumbers(seed)
let actors = 0

/** What an actor is told; each has a log of its own. */
const told = () => {
  const actor = actors++
  return { ...options, actor, seed: seed + actor, log: `${log}${actor}` }
}

async function workerLives() {
  while (Date.now() < options.until) {
    const worker = new Worker(new URL('./actor.mjs', import.meta.url), { workerData: told() })
    const ended = once(worker, 'exit')
    await once(worker, 'online')
    if (random() < 0.5) await Promise.race([ended, delay(random() * 600)]).then(() => worker.terminate())
    await ended
  }
}

await Promise.all([act(told()), ...Array.from({ length: workers }, workerLives)])
