// lock(), advise() and evict(): long ranges are processed on the pool in pieces, so that close() and terminate() wait
// for one piece only.

import { invalidArgType, invalidArgValue } from './errors.js'
import { PIECE_BYTES } from './limits.js'
import { onPool } from './pool.js'
import type { Queue } from './queue.js'
import { answerFree } from './turn-budget.js'

/** An advice for the kernel. */
export type Advice = 'normal' | 'random' | 'sequential' | 'willneed' | 'dontneed'

const ADVICE: ReadonlySet<unknown> = new Set<Advice>(['normal', 'random', 'sequential', 'willneed', 'dontneed'])

/** An advice, checked. */
export function toAdvice(value: unknown): Advice {
  if (typeof value !== 'string') throw invalidArgType('advice', 'of type string', value)
  if (!ADVICE.has(value)) throw invalidArgValue('advice', `must be one of ${[...ADVICE].join(', ')}`, value)
  return value as Advice
}

/** Locks a whole range. Where a piece fails or `mustGoOn` throws, it unlocks the pieces before. */
export function lockRange(queue: Queue, offset: number, length: number, mustGoOn: () => void): Promise<void> {
  const { native } = queue
  return queue.during(async () => {
    let locked = 0
    try {
      await inPieces(offset, length, async (at, size) => {
        mustGoOn()
        await onPool(() => native.lock(at, size))
        locked += size
      })
      mustGoOn()
    } catch (error) {
      if (locked > 0) await onPool(() => native.unlock(offset, locked))
      throw error
    }
  })
}

/** Tells the kernel how a range will be used. */
export function adviseRange(queue: Queue, advice: Advice, offset: number, length: number): Promise<void> {
  const { native } = queue
  const tell = (at: number, size: number) => onPool(() => native.advise(advice, at, size))
  return queue.during(async () => {
    if (advice === 'willneed') await inPieces(offset, length, tell)
    else await tell(offset, length)
  })
}

/** Evicts a range from memory. */
export function evictRange(queue: Queue, offset: number, length: number): Promise<void> {
  return queue.during(() => inPieces(offset, length, (at, size) => onPool(() => queue.native.evict(at, size))))
}

// Pieces end at multiples of PIECE_BYTES, which are whole pages, although a range may begin anywhere: so two pieces
// share no page.
async function inPieces(
  offset: number,
  length: number,
  each: (at: number, size: number) => Promise<void>,
): Promise<void> {
  if (length === 0) return answerFree(undefined)
  let at = offset
  while (at < offset + length) {
    const border = at - (at % PIECE_BYTES) + PIECE_BYTES
    const size = Math.min(border, offset + length) - at
    await each(at, size)
    at += size
  }
}
