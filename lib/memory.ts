// The memory that results are handed out in: that of V8, short ones as parts of a block; large ones from where
// `allocator.use()` says.
//
// A job writes only memory that nobody has seen: what it fills is handed out when it is done, and blocks of which parts are in
// callers' hands are only written on the JS thread. Marks do not stop a byte stream from taking an ArrayBuffer away, on Node 20 and
// 22: so only what is answered at once shares memory with other results.
//
// Not memory of the addon's unless it is asked for: an ArrayBuffer over external memory survives every minor collection, so
// V8 collects the whole heap after each 64 MiB of them, however large that is. __test__/results.test.mjs counts it.

import { Buffer } from 'node:buffer'
import { markAsUntransferable } from 'node:worker_threads'
import { outOfRange } from './errors.js'
import { ALIGNMENT, BLOCK_BYTES, LARGE_BYTES, SHARED_BYTES } from './limits.js'
import { largeMemory } from './reader.js'
import { bufferOf, sizeOf, startOf } from './targets.js'

let block = Buffer.alloc(0).buffer as ArrayBuffer
let used = 0

/** A Buffer of `length` bytes with arbitrary contents, to be filled on this thread and handed out at once. */
export function resultMemory(length: number): Buffer<ArrayBuffer> {
  if (length > SHARED_BYTES || length === 0) return ownMemory(length)
  // A block that was taken away has no bytes.
  if (used + length > block.byteLength) {
    block = sharedMemory(BLOCK_BYTES).buffer
    used = 0
  }
  const start = used
  used += aligned(length)
  return Buffer.from(block, start, length)
}

/** Takes back the last memory that was given, which nobody has seen. */
export function takeBack(memory: Buffer): void {
  if (bufferOf(memory) === block && startOf(memory) + aligned(sizeOf(memory)) === used) used = startOf(memory)
}

/** The same with memory that it shares with nobody, which a job may fill before it is handed out. */
export function ownMemory(length: number): Buffer<ArrayBuffer> {
  const memory = length < LARGE_BYTES ? undefined : largeMemory(length)
  return memory ? Buffer.from(memory) : allocate(length)
}

/** Memory of several results together. Where Node can prevent it, none of them can be transferred: that would take all of it. */
export function sharedMemory(length: number): Buffer<ArrayBuffer> {
  const memory = allocate(length)
  markAsUntransferable(memory.buffer)
  return memory
}

/** Memory that threads share, filled with zeros. */
export function threadsMemory(length: number): Buffer<SharedArrayBuffer> {
  return mustHave(length, () => Buffer.from(new SharedArrayBuffer(length)))
}

/** The next position at which any typed array fits. */
export function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}

/** Memory of V8's own that its owner may transfer. */
export function allocate(length: number): Buffer<ArrayBuffer> {
  return mustHave(length, () => Buffer.allocUnsafeSlow(length) as Buffer<ArrayBuffer>)
}

function mustHave<T>(length: number, make: () => T): T {
  try {
    return make()
  } catch {
    throw outOfRange('length', 'small enough for a Buffer and for the memory of this process: read in parts', length)
  }
}
