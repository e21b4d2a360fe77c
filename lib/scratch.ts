// Scratch memory that pool threads copy into and that callers never see: the buffer of a caller is only written on the
// JS thread.

import { Buffer } from 'node:buffer'
import { SCRATCH_BYTES } from './limits.js'

/** Buffers to keep for reuse: more jobs rarely run at a time in one environment. */
const KEPT = 4

const free: Buffer[] = []

/** Scratch memory of SCRATCH_BYTES, with arbitrary contents. */
export function takeScratch(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES)
}

/** Returns scratch memory that no job writes any more. */
export function giveScratch(scratch: Buffer): void {
  if (free.length < KEPT) free.push(scratch)
}
