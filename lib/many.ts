// The readMany family: many ranges in one trip, so that the disk sees them together.

import type { Buffer } from 'node:buffer'
import { type ByteRange, toLength, toOffset } from './arguments.js'
import { invalidArgType } from './errors.js'

/** Reads one range of a file and calls one of the two, once, perhaps at once. */
export type ReadOne = (
  offset: number,
  length: number,
  resolve: (bytes: Buffer) => void,
  reject: (error: unknown) => void,
) => void

/** Starts all reads at once and answers when each has settled, in the order asked. */
export function readAll(ranges: unknown, read: ReadOne): Promise<PromiseSettledResult<Buffer>[]> {
  if (!Array.isArray(ranges)) throw invalidArgType('ranges', 'an instance of Array', ranges)
  const results = new Array<PromiseSettledResult<Buffer>>(ranges.length)
  return new Promise(resolve => {
    let open = ranges.length
    if (open === 0) resolve(results)
    // A list that is changed by a getter of one of its ranges is still read to its first length.
    for (let index = 0; index < results.length; index += 1) {
      const settle = (result: PromiseSettledResult<Buffer>) => {
        results[index] = result
        open -= 1
        if (open === 0) resolve(results)
      }
      const reject = (reason: unknown) => settle({ status: 'rejected', reason })
      try {
        const { offset, length } = toRange(ranges[index])
        read(offset, length, value => settle({ status: 'fulfilled', value }), reject)
      } catch (error) {
        reject(error)
      }
    }
  })
}

function toRange(range: unknown): { offset: number; length: number } {
  if (typeof range !== 'object' || range === null) throw invalidArgType('range', 'of type object', range)
  const { offset, length } = range as ByteRange
  return { offset: toOffset(offset, 'range.offset'), length: toLength(length, 'range.length') }
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

/** The positions of records as numbers. They are copied: a caller's array might change while its records are read. */
export function toOffsets(offsets: unknown): Float64Array {
  if (offsets instanceof Float64Array || offsets instanceof BigUint64Array || Array.isArray(offsets)) {
    const numbers = new Float64Array(offsets.length)
    for (let i = 0; i < numbers.length; i += 1) {
      const offset: unknown = offsets[i]
      // The name of each would cost more than its read.
      numbers[i] =
        Number.isSafeInteger(offset) && (offset as number) >= 0 ? (offset as number) : toOffset(offset, `offsets[${i}]`)
    }
    return numbers
  }
  throw invalidArgType('offsets', 'an instance of Float64Array, BigUint64Array or Array', offsets)
}
