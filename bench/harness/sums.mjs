// What files that are read in order must add up to: every so manieth byte, so that each page is touched and little computed.
import { setImmediate as turn } from 'node:timers/promises'
import { MiB } from './cells.mjs'
import { bytesAt, longFile } from './files.mjs'

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
    /** What has come so far of a file whose end is yet to be seen. */
    total: () => sum,
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

/**
 * Files that differ in nothing but their bytes, with what each adds up to.
 * @param {{ files: number, size: number }} wanted @param {{ signal: AbortSignal, folder?: string }} where
 */
export async function summedFiles({ files, size }, { signal, folder }) {
  const paths = []
  const sums = []
  for (let seed = 1; seed <= files; seed += 1) {
    paths.push(await longFile(size, { signal, folder, seed }))
    sums.push(await expectedSum(size, seed, signal))
  }
  return { paths, sums, size }
}

/** What ranges of a file add up to. @param {[number, number][]} ranges offset and length @param {AbortSignal} signal */
export async function rangeSums(ranges, signal) {
  const sums = []
  for (const [offset, length] of ranges) {
    const { total, consume } = summer(Number.POSITIVE_INFINITY)
    for (let at = 0; at < length; at += PIECE) {
      consume(bytesAt(offset + at, Math.min(PIECE, length - at)))
      await turn()
      signal.throwIfAborted()
    }
    sums.push(total())
  }
  return sums
}
