// What files that are read in order must add up to: every so manieth byte, so that each page is touched and little computed.
import { setImmediate as turn } from 'node:timers/promises'
import { MiB } from './cells.mjs'
import { bytesAt } from './files.mjs'

const STRIDE = 512
const PIECE = 8 * MiB

/** Sums up files of one size that are read one after the other. @param {number} size */
export function summer(size) {
  /** @type {number[]} */
  const sums = []
  let position = 0
  let sum = 0
  return {
    sums,
    /** @param {Uint8Array} bytes */
    consume(bytes) {
      for (let i = (STRIDE - (position % STRIDE)) % STRIDE; i < bytes.length; i += STRIDE) sum += bytes[i]
      position += bytes.length
      if (position < size) return
      sums.push(sum)
      position = 0
      sum = 0
    },
  }
}

/** @param {number} size @param {number} seed @param {AbortSignal} signal */
export async function expectedSum(size, seed, signal) {
  const { sums, consume } = summer(size)
  for (let offset = 0; offset < size; offset += PIECE) {
    consume(bytesAt(offset, Math.min(PIECE, size - offset), seed))
    await turn()
    signal.throwIfAborted()
  }
  return sums[0]
}
