// Memory for large results: slabs that are used again once their Buffers have been collected.

import { Buffer } from 'node:buffer'
import { slab, trimSlabs } from '#binding'

/** From here on, faulting in fresh memory costs more than a Buffer over memory that V8 does not own. */
export const SLAB_BYTES = 256 << 10

/** Milliseconds after which slabs that nobody used go back to the allocator. */
const IDLE = 5_000

let timer: NodeJS.Timeout | undefined

/** A Buffer of `length` bytes with arbitrary contents. */
export function largeBuffer(length: number): Buffer {
  const memory = slab(length)
  if (!memory) return Buffer.allocUnsafeSlow(length)
  if (timer) timer.refresh()
  else timer = setTimeout(trim, IDLE).unref()
  return Buffer.from(memory)
}

function trim(): void {
  timer = trimSlabs(IDLE) ? setTimeout(trim, IDLE).unref() : undefined
}
