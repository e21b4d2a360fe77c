// The memory that results are handed out in: V8's own, the short ones as parts of a block; on request jemalloc's.
//
// Not memory of the addon's unless it is asked for: an ArrayBuffer over external memory survives every minor collection, so
// V8 collects the whole heap after each 64 MiB of them, however large that is. __test__/results.test.mjs counts it.

import { Buffer } from 'node:buffer'
import { markAsUntransferable } from 'node:worker_threads'
import { jemallocMemory } from './reader.js'

/** Bytes of a block. A result that is kept keeps its block, so blocks are as small as those of Node's own pool. */
const BLOCK_BYTES = 64 << 10

/** The longest result that comes out of a block: an ArrayBuffer of its own for each costs more than the read. */
const SMALL_BYTES = 16 << 10

/** The shortest result that comes from jemalloc where that is asked for: a shorter one costs less than its ArrayBuffer there. */
export const JEMALLOC_BYTES = 256 << 10

/** Results start at multiples of this, so that any typed array fits over them. */
const ALIGNMENT = 8

let block = Buffer.alloc(0).buffer as ArrayBuffer
let used = 0

/** A Buffer of `length` bytes with arbitrary contents. */
export function resultMemory(length: number): Buffer {
  if (length > SMALL_BYTES) {
    const memory = length < JEMALLOC_BYTES ? undefined : jemallocMemory(length)
    return memory ? Buffer.from(memory) : Buffer.allocUnsafeSlow(length)
  }
  if (used + length > block.byteLength) {
    block = sharedMemory(BLOCK_BYTES).buffer as ArrayBuffer
    used = 0
  }
  const start = used
  used += Math.ceil(length / ALIGNMENT) * ALIGNMENT
  return Buffer.from(block, start, length)
}

/** The same for several results together. Transferring one would take the others' bytes away, so none can be. */
export function sharedMemory(length: number): Buffer {
  const memory = Buffer.allocUnsafeSlow(length)
  markAsUntransferable(memory.buffer)
  return memory
}
