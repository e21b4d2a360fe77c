// The libuv pool as this environment uses it: what waits for a permit, in the order it came.

import { onPermit } from '#binding'
import { withCallersStack } from './errors.js'
import { relinquish, tryAcquire } from './reader.js'
import { forget, onAbort } from './signals.js'

/** Starts a job with the permit that was taken for it. Undefined means that there is nothing left to start. It does not throw. */
export type Start = () => Promise<unknown> | undefined

let waiting: Start[] = []
let next = 0
let starting = false

/** Has `start` called as soon as there is a permit, at once if there is one now. */
export function whenPermitted(start: Start): void {
  waiting.push(start)
  startJobs()
}

/** Runs one job on the pool, as soon as there is a permit. `unwanted` gets what a job resolves to after its signal. */
export function onPool<T>(
  begin: () => Promise<T>,
  signal?: AbortSignal,
  unwanted: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason)
    if (signal) onAbort(signal, abort)
    whenPermitted(() => {
      if (signal?.aborted) return undefined
      try {
        const job = begin()
        job.then(
          value => {
            if (signal?.aborted) unwanted(value)
            else resolve(value)
            if (signal) forget(signal, abort)
          },
          error => {
            // A rejection that nobody waits for any more would count as unhandled.
            if (!signal?.aborted) resolve(withCallersStack(error))
            if (signal) forget(signal, abort)
          },
        )
        return job
      } catch (error) {
        reject(error)
        if (signal) forget(signal, abort)
        return undefined
      }
    })
  })
}

// Called again when a job has ended, and when another environment has given a permit back.
function startJobs(): void {
  if (starting) return
  starting = true
  while (next < waiting.length && tryAcquire()) {
    const start = waiting[next] as Start
    next += 1
    start()?.then(startJobs, startJobs)
  }
  starting = false
  if (next === waiting.length) {
    waiting = []
    next = 0
    // A permit for which nothing was left to start.
    relinquish()
  }
}

onPermit(startJobs)
