// Copies of one range: on this thread where it is short, in memory and affordable, else through the queue.

import type { Handle } from './handle.js'
import { tryCopy } from './reader.js'
import { copyTo, mustHaveRoom } from './targets.js'
import { type Plan, ShortTransfer, transferRange } from './transfer.js'
import { affords, answer, NOT_HERE, refund, type When } from './turn.js'

/** The longest range that is copied on the JS thread when it is known to be in memory: about 0.1 ms. */
export const INLINE_BYTES = 1 << 20

/** Up to here a result is copied out of a batch; longer ones have memory that the pool writes directly. */
const BATCHED_BYTES = 256 << 10

/** Fills memory of ours, and resolves to what the caller sees of it. */
export function fill<T>(
  handle: Handle,
  memory: Uint8Array,
  at: number,
  signal: AbortSignal | undefined,
  result: T,
): Promise<T> {
  const count = memory.length
  const when = copiesNow(handle, memory, at, count)
  if (when) return answer(result, when)
  return new Promise((resolve, reject) => {
    if (count <= BATCHED_BYTES && !signal) {
      handle.queue.add('fill', new ShortTransfer(at, count, memory, undefined, result, resolve, reject))
      return
    }
    // What is short comes in a batch, what is long, directly.
    const plan: Plan =
      count > BATCHED_BYTES ? { kind: 'solo', signal, memory } : { kind: 'copy', signal, take: copier(memory) }
    transferRange(handle.queue, at, count, plan, () => resolve(result), reject)
  })
}

/** Fills the first `count` bytes of a caller's target, which is only ever written on this thread. */
export function fillTarget(
  handle: Handle,
  target: Uint8Array,
  at: number,
  count: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const when = copiesNow(handle, target, at, count)
  if (when) return answer(count, when)
  return new Promise((resolve, reject) => {
    if (count <= BATCHED_BYTES && !signal) {
      handle.queue.add('copy', new ShortTransfer(at, count, undefined, target, count, resolve, reject))
      return
    }
    const plan: Plan = { kind: 'copy', signal, take: copier(target) }
    transferRange(handle.queue, at, count, plan, () => resolve(count), reject)
  })
}

/**
 * Writes what comes out of scratch memory to a target, after a look at whether there still is room: a caller's may have
 * been resized or transferred meanwhile.
 */
export function copier(target: Uint8Array, to = 0): NonNullable<Plan['take']> {
  return (scratch, from, length, at) => {
    mustHaveRoom(target, to + at + length)
    copyTo(target, to + at, scratch, from, length)
  }
}

// Says when it may be told that the range was copied.
function copiesNow({ reader }: Handle, target: Uint8Array, at: number, count: number): When {
  if (count > INLINE_BYTES) return NOT_HERE
  const when = affords(count)
  if (!when || tryCopy(reader, target, 0, at, count)) return when
  refund(count)
  return NOT_HERE
}
