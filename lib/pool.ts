// The libuv pool as this environment uses it: what waits for a free thread, in the order it came.

import { forget, onAbort } from './signals.js'

/**
 * Starts a job, or answers null when the pool has no place for it. With `inAnyCase` it always starts. Undefined means that
 * there is nothing left to start.
 */
export type Start = (inAnyCase: boolean) => Promise<unknown> | null | undefined

let underWay = 0
let waiting: Start[] = []

/** Has `start` called as soon as the pool has a place, at once if it has one now. */
export function whenThereIsPlace(start: Start): void {
  waiting.push(start)
  if (waiting.length === 1) fill()
}

/** Runs one job on the pool, as soon as there is a place. */
export function onPool<T>(begin: (inAnyCase: boolean) => Promise<T> | null, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason)
    const settled = () => signal && forget(signal, abort)
    if (signal) onAbort(signal, abort)
    whenThereIsPlace(inAnyCase => {
      if (signal?.aborted) return undefined
      try {
        const job = begin(inAnyCase)
        return job?.then(resolve, reject).finally(settled) ?? null
      } catch (error) {
        reject(error)
        settled()
        return undefined
      }
    })
  })
}

// An environment that has no job under way may always start one: otherwise nobody would call it again.
function fill(): void {
  let next = 0
  while (next < waiting.length) {
    const job = (waiting[next] as Start)(underWay === 0)
    if (job === null) break
    next += 1
    if (job) {
      underWay += 1
      job.finally(() => {
        underWay -= 1
        fill()
      })
    }
  }
  waiting = waiting.slice(next)
}
