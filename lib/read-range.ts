// Copies of one range: on this thread where it is short, in memory and within the budget of the turn, otherwise through
// the queue.

import type { Handle } from './handle.js'
import { BATCHED_BYTES, INLINE_BYTES, SHARED_BYTES } from './limits.js'
import { ownMemory, resultMemory, takeBack } from './memory.js'
import { tryCopy } from './reader.js'
import { copyTo, mustHaveRoom, sizeOf } from './targets.js'
import { type Plan, ShortTransfer, transferRange } from './transfer.js'
import { affords, answer, NOT_HERE, NOW, refund, type When } from './turn-budget.js'

/** A copy of a range, in new memory. */
export function copyOf(
  handle: Handle,
  offset: number,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Buffer<ArrayBuffer>> {
  let memory: Buffer<ArrayBuffer> | undefined
  const when = count <= INLINE_BYTES ? affords(count) : NOT_HERE
  if (when) {
    // A result that is returned later shares no memory with other results.
    memory = when === NOW ? resultMemory(count) : ownMemory(count)
    if (isCopied(handle, memory, offset, count)) return answer(memory, when)
    refund(count)
    // A job must not write a block that other results share.
    if (count <= SHARED_BYTES) {
      takeBack(memory)
      memory = undefined
    }
  }
  if (count > BATCHED_BYTES || signal) {
    memory ??= ownMemory(count)
    return onPool(handle, memory, offset, signal, memory)
  }
  return new Promise((resolve, reject) => {
    const kind = memory ? 'fill' : 'copy'
    handle.queue.add(kind, new ShortTransfer(offset, count, memory, undefined, undefined, resolve, reject))
  })
}

/** Fills private memory, and resolves to `result`. */
export function fill<T>(
  handle: Handle,
  memory: Uint8Array,
  offset: number,
  signal: AbortSignal | undefined,
  result: T,
): Promise<T> {
  const when = copiesNow(handle, memory, offset, sizeOf(memory))
  return when ? answer(result, when) : onPool(handle, memory, offset, signal, result)
}

function onPool<T>(
  handle: Handle,
  memory: Uint8Array,
  offset: number,
  signal: AbortSignal | undefined,
  result: T,
): Promise<T> {
  const count = sizeOf(memory)
  return new Promise((resolve, reject) => {
    // A short range is read in a batch, a long one in jobs of its own.
    const plan: Plan = { kind: count > BATCHED_BYTES ? 'solo' : 'fill', signal, memory }
    transferRange(handle.queue, offset, count, plan, failed => resolve(failed ?? result), reject)
  })
}

/** Fills the first `count` bytes of the target of a caller, which is only written on this thread. */
export function fillTarget(
  handle: Handle,
  target: Uint8Array,
  offset: number,
  count: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const when = copiesNow(handle, target, offset, count)
  if (when) return answer(count, when)
  return new Promise((resolve, reject) => {
    if (count <= BATCHED_BYTES && !signal) {
      handle.queue.add('copy', new ShortTransfer(offset, count, undefined, target, count, resolve, reject))
      return
    }
    const plan: Plan = { kind: 'copy', signal, take: copier(target) }
    transferRange(handle.queue, offset, count, plan, failed => resolve(failed ?? count), reject)
  })
}

/**
 * Copies from scratch memory to a target, after checking its size: a caller may have resized or transferred it
 * meanwhile.
 */
export function copier(target: Uint8Array, start = 0): NonNullable<Plan['take']> {
  return (scratch, from, length, targetOffset) => {
    mustHaveRoom(target, start + targetOffset + length)
    copyTo(target, start + targetOffset, scratch, from, length)
  }
}

// Copies the range if possible, and says when its promise may resolve.
function copiesNow(handle: Handle, target: Uint8Array, offset: number, count: number): When {
  if (count > INLINE_BYTES) return NOT_HERE
  const when = affords(count)
  if (!when || isCopied(handle, target, offset, count)) return when
  refund(count)
  return NOT_HERE
}

function isCopied(handle: Handle, target: Uint8Array, offset: number, count: number): boolean {
  const copied = tryCopy(handle.reader, target, 0, offset, count)
  if (copied < 0) handle.queue.beginAhead(offset, count)
  return copied !== 0
}
