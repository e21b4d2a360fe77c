// What every adapter does: takes an open MappedFile, and copies ranges of it into ArrayBuffers of their own.

import { Readable } from 'node:stream'
import { type Cancellable, cutAtEnd, toLength, toOffset } from '../arguments.js'
import { invalidArgType } from '../errors.js'
import { MappedFile } from '../mapped-file.js'

/** The file that an adapter was given; refuses what is none, such as a path, or a promise that was not awaited. */
export function toFile(file: unknown): MappedFile<ArrayBufferLike> {
  if (file instanceof MappedFile) return file
  throw invalidArgType('file', 'an instance of MappedFile, which MappedFile.open() resolves to', file)
}

/**
 * `length` bytes at `offset`, fewer only at the end of the file, as an ArrayBuffer that begins with them: several packages
 * look at `.buffer` without its offset. Ranges asked for in one turn of the loop reach the disk together.
 */
export async function copyOf(
  file: MappedFile<ArrayBufferLike>,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const start = Math.min(toOffset(offset), file.byteLength)
  return file.slice(start, start + cutAtEnd(file.byteLength, start, toLength(length)), cancelledBy(signal))
}

/** Options with a signal that may be missing. */
export function cancelledBy(signal: AbortSignal | null | undefined): Cancellable {
  return signal ? { signal } : {}
}

/** Bytes of a part of a stream: packages that stream take all of a range, in order. */
const PART_BYTES = 256 << 10

/** A stream of copies of `[start, end)`. */
export function streamOf(file: MappedFile<ArrayBufferLike>, start: number, end: number): Readable {
  // A range whose last byte comes before its first one is refused, as by node:fs.
  if (start >= end) return Readable.from([], { objectMode: false })
  return file.createReadStream({ start, end: end - 1, highWaterMark: PART_BYTES })
}
