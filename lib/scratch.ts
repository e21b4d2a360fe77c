// Memory that pool threads copy into and that callers never see: a caller's buffer is only ever written on the JS thread.

import { Buffer } from 'node:buffer'
import { SCRATCH_BYTES } from './limits.js'

/** Kept for reuse: more jobs than this are hardly ever under way in one environment. */
const KEPT = 4

const free: Buffer[] = []

/** Scratch memory of SCRATCH_BYTES, with whatever the last user left in it. */
export function takeScratch(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(SCRATCH_BYTES)
}

/** Gives scratch memory back, when no job writes to it any more. */
export function giveScratch(scratch: Buffer): void {
  if (free.length < KEPT) free.push(scratch)
}
