// Access to the libuv pool for this environment: starts that wait for a permit, in the order in which they came.

import { onPermit } from '#binding'
import { withCallersStack } from './errors.js'
import { relinquish, tryAcquire } from './reader.js'
import { forget, onAbort } from './signals.js'

/**
 * Starts a job with the permit that was taken for it. Undefined means that there was nothing to start. It does not
 * throw.
 */
export type Start = () => Promise<unknown> | undefined

let waiting: Start[] = []
let next = 0
let starting = false

/** Calls `start` as soon as a permit is free, at once if one is free now. */
export function whenPermitted(start: Start): void {
  waiting.push(start)
  startJobs()
}

/**
 * Runs one job on the pool as soon as a permit is free. If the signal is aborted first, `unwanted` gets the result of
 * the job.
 */
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
            // A rejection after the abort would count as unhandled.
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

// Also called when a job has ended, and when another environment has released a permit.
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
    // Releases a permit that nothing has used.
    relinquish()
  }
}

onPermit(startJobs)
