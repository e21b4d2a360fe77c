// What the adapters share: they take an open MappedFile, and copy ranges of it into ArrayBuffers or streams.

import { Readable } from 'node:stream'
import { type Cancellable, cutAtEnd, toLength, toOffset } from '../arguments.js'
import { invalidArgType, pastEnd } from '../errors.js'
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

/** The same for a range that is useless in part: rejects with `ERR_OUT_OF_RANGE` where the file ends within it. */
export async function wholeOf(
  file: MappedFile<ArrayBufferLike>,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const bytes = await copyOf(file, offset, length, signal)
  if (bytes.byteLength < length) throw pastEnd(file.path, offset, length, file.byteLength)
  return bytes
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

/** A byte stream of copies of `[start, end)`, for packages that take streams of the web. It reads a part when it is asked for one. */
export function webStreamOf(file: MappedFile<ArrayBufferLike>, start: number, end: number): ReadableStream<Uint8Array> {
  let position = start
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const length = Math.min(PART_BYTES, end - position)
      if (length > 0) controller.enqueue(new Uint8Array(await wholeOf(file, position, length)))
      position += length
      if (position < end) return
      controller.close()
      // A reader that brought a buffer of its own waits for this answer at the end.
      controller.byobRequest?.respond(0)
    },
  })
}
