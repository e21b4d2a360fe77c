// Allocates the memory of results. Short results are parts of a block of V8 memory; large ones come from the allocator
// that `allocator.use()` sets.
//
// A job writes private memory only: results are handed out when it is done, and blocks that callers have parts of are
// only written on the JS thread. On Node 20 and 22, markAsUntransferable() does not stop a byte stream from
// transferring an ArrayBuffer. So only results that are returned at once share memory with others.
//
// The addon's own memory is used only on request: an ArrayBuffer over external memory survives every minor collection,
// so V8 collects the whole heap after each 64 MiB of them, however large the heap is. __test__/results.test.mjs counts
// these collections.

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
  // A block that was transferred has no bytes.
  if (used + length > block.byteLength) {
    block = sharedMemory(BLOCK_BYTES).buffer
    used = 0
  }
  const start = used
  used += aligned(length)
  return Buffer.from(block, start, length)
}

/** Takes back the last memory that resultMemory() returned, if no caller has seen it. */
export function takeBack(memory: Buffer): void {
  if (bufferOf(memory) === block && startOf(memory) + aligned(sizeOf(memory)) === used) used = startOf(memory)
}

/** A Buffer of `length` bytes with memory of its own, which a job may fill before it is handed out. */
export function ownMemory(length: number): Buffer<ArrayBuffer> {
  const memory = length < LARGE_BYTES ? undefined : largeMemory(length)
  return memory ? Buffer.from(memory) : allocate(length)
}

/**
 * Memory for several results. It is marked as untransferable where Node supports that, because a transfer would detach
 * all of them.
 */
export function sharedMemory(length: number): Buffer<ArrayBuffer> {
  const memory = allocate(length)
  markAsUntransferable(memory.buffer)
  return memory
}

/** A SharedArrayBuffer, filled with zeros. */
export function threadsMemory(length: number): Buffer<SharedArrayBuffer> {
  return mustHave(length, () => Buffer.from(new SharedArrayBuffer(length)))
}

/** The next position that is aligned for every typed array. */
export function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}

/** Memory of V8 that its owner may transfer. */
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
