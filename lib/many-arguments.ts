// Checks the arguments of the readMany family: ranges and records.

import { Buffer } from 'node:buffer'
import { types } from 'node:util'
import { type ByteRange, cutAtEnd, mustFit, type Offset, toLength, toOffset } from './arguments.js'
import { addStack, invalidArgType } from './errors.js'
import { memoryOf, type Records, type Run } from './gather.js'
import { keys } from './language.js'
import { ALIGNMENT, SHARED_BYTES } from './limits.js'
import { aligned, sharedMemory } from './memory.js'
import { copyTo, lengthOf } from './targets.js'

/** Requested ranges: short ones as records to gather, long ones to read one by one. */
export interface Asked {
  count: number
  /** The short ranges, and their indexes in the list. */
  records: Records
  places: Int32Array
  long: Array<{ place: number; offset: number; length: number }>
  /** The errors of invalid ranges, by their indexes. */
  refused: Map<number, unknown>
}

// An iterable is read once, before any work begins.
function toList(ranges: unknown): readonly unknown[] {
  if (Array.isArray(ranges)) return ranges
  const isIterable = typeof ranges === 'object' && ranges !== null && Symbol.iterator in ranges
  if (!isIterable) throw invalidArgType('ranges', 'an iterable of { offset, length }', ranges)
  return Array.from(ranges as Iterable<unknown>)
}

const isPlain = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** The error for a range without an offset or a length. */
function notARange(range: object, name: string): Error {
  const found = Array.isArray(range) ? 'it is an array' : `its properties are: ${keys(range).join(', ') || 'none'}`
  return invalidArgType(name, `{ offset, length }, but ${found}`, range, exampleOf(range))
}

/** The range that an array or other names of properties probably stand for. */
function exampleOf(range: object): string | undefined {
  const { offset, position, start, length } = range as Record<string, unknown>
  const [first, second] = Array.isArray(range) ? range : [offset ?? position ?? start, length]
  if (!isPlain(first) || !isPlain(second)) return undefined
  return `Write { offset: ${first}, length: ${second} }`
}

/** Checks the ranges of a list, and shortens them at the end of the file. */
export function toRanges(given: unknown, byteLength: number, path: string): Asked {
  const ranges = toList(given)
  const count = ranges.length
  const offsets = new Float64Array(count)
  const lengths = new Float64Array(count)
  const places = new Int32Array(count)
  const long: Asked['long'] = []
  const refused = new Map<number, unknown>()
  let short = 0
  for (let place = 0; place < count; place += 1) {
    try {
      const range: unknown = ranges[place]
      if (typeof range !== 'object' || range === null)
        throw invalidArgType(`ranges[${place}]`, '{ offset, length }', range)
      // Each property is read once: it may be a getter, with another value the next time.
      const { offset: at, length: asked } = range as ByteRange
      if (at === undefined || asked === undefined) throw notARange(range, `ranges[${place}]`)
      // Creating the names of each argument would cost more than its read.
      const offset = isPlain(at) ? at : toOffset(at, `ranges[${place}].offset`)
      const wanted = isPlain(asked) ? asked : toLength(asked, `ranges[${place}].length`)
      const length = cutAtEnd(byteLength, offset, wanted)
      mustFit(path, offset, length)
      if (length > SHARED_BYTES) long.push({ place, offset, length })
      else {
        // Past the end of the file nothing is read, whatever the offset.
        offsets[short] = Math.min(offset, byteLength)
        lengths[short] = length
        places[short] = place
        short += 1
      }
    } catch (error) {
      refused.set(place, error)
    }
  }
  return {
    count,
    records: { count: short, offsets, lengths },
    places,
    long,
    refused,
  }
}

/**
 * The results of a run of short ranges. They share memory only with one another: they may have to wait for other runs,
 * and the transfer of another result must not detach them.
 */
export function toBuffers(run: Run, lengths: Float64Array): Buffer<ArrayBuffer>[] {
  const { targetOffset, first, count } = run
  const memory = memoryOf(run)
  const some = Array.from(lengths.subarray(first, first + count))
  // Without gaps between them, results would not be aligned for typed arrays.
  const spread = some.every(length => length % ALIGNMENT === 0)
    ? undefined
    : sharedMemory(some.reduce((sum, length) => sum + aligned(length), 0))
  let [from, to] = [targetOffset, 0]
  return some.map(length => {
    const [start, place] = [from, to]
    from += length
    to += aligned(length)
    if (!spread) return Buffer.from(memory.buffer as ArrayBuffer, memory.byteOffset + start, length)
    copyTo(spread, place, memory, start, length)
    return Buffer.from(spread.buffer, place, length)
  })
}

/** The values, or the error of the first range that failed, with its index. */
export function allOrFirstFailure(results: PromiseSettledResult<Buffer<ArrayBuffer>>[]): Buffer<ArrayBuffer>[] {
  return results.map((result, index) => {
    if (result.status === 'fulfilled') return result.value
    // The error was created for this call, so nobody else sees the index.
    addStack(result.reason, allOrFirstFailure)
    if (result.reason instanceof Error) Object.assign(result.reason, { index })
    throw result.reason
  })
}

/** The first bytes of records: an array of numbers, or a typed array of numbers or bigints. */
export type RecordOffsets =
  | readonly Offset[]
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array

/**
 * Records of one length, checked and shortened at the end of the file. They are copied, because a caller may change its
 * array during the read. One pass, because there may be many.
 */
export function toRecords(offsets: unknown, length: number, byteLength: number): Records {
  if (!(types.isTypedArray(offsets) || Array.isArray(offsets))) {
    throw invalidArgType('offsets', 'an instance of Array or of a TypedArray', offsets)
  }
  const count = Array.isArray(offsets) ? offsets.length : lengthOf(offsets)
  const starts = new Float64Array(count)
  const lengths = new Float64Array(count)
  for (let i = 0; i < count; i += 1) {
    const given: unknown = offsets[i]
    // Creating the name of each argument would cost more than its read.
    const offset = isPlain(given) ? given : toOffset(given, `offsets[${i}]`)
    starts[i] = Math.min(offset, byteLength)
    lengths[i] = Math.min(length, byteLength - (starts[i] as number))
  }
  return { count, offsets: starts, lengths }
}
