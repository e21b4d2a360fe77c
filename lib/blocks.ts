// Memory for small results: parts of a block, because an ArrayBuffer of its own for each costs more than the read.

import { Buffer } from 'node:buffer'

/** Bytes of a block. A result that is kept keeps its block, so blocks are as small as those of Node's own pool. */
const BLOCK_BYTES = 64 << 10

/** The longest result that comes out of a block. */
const SMALL_BYTES = 16 << 10

/** Results start at multiples of this, so that any typed array fits over them. */
const ALIGNMENT = 8

let block = Buffer.alloc(0).buffer
let used = 0

/** A Buffer of `length` bytes with arbitrary contents. */
export function smallBuffer(length: number): Buffer {
  if (length > SMALL_BYTES) return Buffer.allocUnsafeSlow(length)
  if (used + length > block.byteLength) {
    block = Buffer.allocUnsafeSlow(BLOCK_BYTES).buffer
    used = 0
  }
  const start = used
  used += Math.ceil(length / ALIGNMENT) * ALIGNMENT
  return Buffer.from(block, start, length)
}
