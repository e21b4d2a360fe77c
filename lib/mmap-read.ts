// mmapRead(): the bytes of a file by its path, in one trip to the pool, with what is mapped kept for the next call.

import { Buffer } from 'node:buffer'
import { resolve } from 'node:path'
import { readPath, releasePaths, usesJemalloc } from '#binding'
import { type Cancellable, type Offset, type Source, toLength, toOffset, toPath, toSignal } from './arguments.js'
import { INLINE_BYTES } from './copies.js'
import { invalidArgValue } from './errors.js'
import { MappedFile } from './mapped-file.js'
import { JEMALLOC_BYTES, resultMemory } from './memory.js'
import { onPool } from './pool.js'
import { PIECE_BYTES } from './queue.js'
import { tryReadPath } from './reader.js'
import { forget, onAbort } from './signals.js'
import { copyTo } from './targets.js'
import { affords, answer, NOT_HERE, refund } from './turn.js'

/** Milliseconds that a file stays mapped after the last call that read it. */
const IDLE = 10_000

async function read(path: Source, offset: Offset = 0, length?: number, options?: Cancellable): Promise<Buffer> {
  const bytes = absolute(path)
  const at = toOffset(offset)
  const wanted = length === undefined ? undefined : toLength(length)
  const signal = toSignal(options)
  const idle = toIdle(mmapRead.idle)

  // Memory that nobody else knows yet, for as much as one job may copy.
  const memory = wanted !== undefined && wanted <= PIECE_BYTES ? resultMemory(wanted) : undefined
  const when = memory && memory.length <= INLINE_BYTES ? affords(memory.length) : NOT_HERE
  if (when && memory) {
    const count = tryReadPath(bytes, idle, memory, at, memory.length)
    if (count >= 0) return answer(cut(memory, count), when)
    refund(memory.length)
  }

  // What the pool finds the length of comes in memory of V8's own.
  const most = memory === undefined && usesJemalloc() ? JEMALLOC_BYTES - 1 : INLINE_BYTES
  const unwanted = signal && new Int32Array(new SharedArrayBuffer(4))
  const abort = () => unwanted && Atomics.store(unwanted, 0, 1)
  if (signal) onAbort(signal, abort)
  const result = await onPool(
    inAnyCase => readPath(inAnyCase, bytes, idle, at, memory, most, unwanted),
    signal,
  ).finally(() => signal && forget(signal, abort))
  if (typeof result === 'number') return cut(memory as Buffer, result)
  if (Buffer.isBuffer(result)) return result

  // Too long for one job: the pool has opened the file, and the range goes on its way in pieces.
  const file = MappedFile.of(result)
  try {
    return await file.read(at, wanted, options)
  } finally {
    await file.close()
  }
}

// What there was before the end of the file. Most of the memory may be unused: then it is not worth keeping.
function cut(memory: Buffer, count: number): Buffer {
  if (count === memory.length) return memory
  if (2 * count >= memory.length) return memory.subarray(0, count)
  const bytes = resultMemory(count)
  copyTo(bytes, 0, memory, 0, count)
  return bytes
}

// Relative to the directory of this moment: the pool may come to it after a chdir().
function absolute(path: Source): Buffer {
  const { bytes } = toPath(path)
  // An empty path is no file's, not even the directory's.
  if (bytes.length === 0 || bytes[0] === 0x2f) return bytes
  return Buffer.concat([Buffer.from(`${resolve('.')}/`), bytes])
}

function toIdle(idle: unknown): number {
  if (typeof idle !== 'number' || !(idle >= 0)) {
    throw invalidArgValue('mmapRead.idle', 'must be a number of milliseconds >= 0', idle)
  }
  return idle
}

/**
 * Reads `length` bytes at `offset` of the file that is at `path` now, without ever blocking the event loop, in one trip to
 * the pool at most (results beyond 8 MiB take one per 8 MiB, and without a `length` those beyond 1 MiB one more). A mapping is
 * kept and shared by every thread of the process until it has been idle for `mmapRead.idle` milliseconds, or until
 * `mmapRead.release(path?)` is called; a file replaced or changed in size is noticed.
 *
 * @param path relative to the directory at the time of the call
 * @param offset the first byte; 0 without one
 * @param length bytes; the rest of the file without one
 * @returns a copy, shorter than `length` only at the end of the file; it may share its memory, as that of {@link MappedFile.read}
 * @throws what {@link MappedFile.open} and {@link MappedFile.read} reject with
 */
export const mmapRead: {
  (path: Source, offset?: Offset, length?: number, options?: Cancellable): Promise<Buffer>
  /** Milliseconds that a file stays mapped after the last call that read it; 10,000 unless it is set, 0 or more. */
  idle: number
  /**
   * Lets go of one file, or of all that mmapRead() keeps mapped in this process. What was read stays.
   *
   * @throws `ERR_INVALID_ARG_TYPE` or `ERR_INVALID_ARG_VALUE` for what is no path
   */
  release(path?: Source): void
} = Object.assign(read, {
  idle: IDLE,
  release(path?: Source): void {
    releasePaths(path === undefined ? undefined : absolute(path))
  },
})
