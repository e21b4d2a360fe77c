// The readMany family: many ranges in one trip, so that the disk sees them together.

import type { Buffer } from 'node:buffer'
import { type ByteRange, toLength, toOffset } from './arguments.js'
import { invalidArgType } from './errors.js'

/** Reads one range of a file; the ranges asked for in one turn of the loop leave together. */
export type ReadOne = (offset: number, length: number) => Promise<Buffer>

/** Starts all reads at once and answers when each has settled, in the order asked. */
export function readAll(ranges: unknown, read: ReadOne): Promise<PromiseSettledResult<Buffer>[]> {
  if (!Array.isArray(ranges)) throw invalidArgType('ranges', 'an instance of Array', ranges)
  return Promise.allSettled(ranges.map(range => readChecked(range, read)))
}

/** The values, or the rejection of the first range that failed, with its index. */
export function allOrFirstFailure(results: PromiseSettledResult<Buffer>[]): Buffer[] {
  return results.map((result, index) => {
    if (result.status === 'fulfilled') return result.value
    // Errors of ours are made for this one call: nobody else sees the index.
    if (result.reason instanceof Error) Object.assign(result.reason, { index })
    throw result.reason
  })
}

async function readChecked(range: unknown, read: ReadOne): Promise<Buffer> {
  if (typeof range !== 'object' || range === null) throw invalidArgType('range', 'of type object', range)
  const { offset, length } = range as ByteRange
  return read(toOffset(offset, 'range.offset'), toLength(length, 'range.length'))
}

/** The positions of records as numbers. A plain array is copied: it might change while its records are read. */
export function toOffsets(offsets: unknown): Float64Array {
  if (offsets instanceof Float64Array || offsets instanceof BigUint64Array || Array.isArray(offsets)) {
    const numbers = new Float64Array(offsets.length)
    for (let i = 0; i < offsets.length; i += 1) numbers[i] = toOffset(offsets[i], `offsets[${i}]`)
    return numbers
  }
  throw invalidArgType('offsets', 'an instance of Float64Array, BigUint64Array or Array', offsets)
}
