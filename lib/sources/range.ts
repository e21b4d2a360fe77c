// The functions that the adapters share: they take an open MappedFile, and copy ranges of it into ArrayBuffers or
// streams.

import { Readable } from 'node:stream'
import { type Cancellable, cutAtEnd, toLength, toOffset } from '../arguments.js'
import { invalidArgType, pastEnd } from '../errors.js'
import { MappedFile } from '../mapped-file.js'

/**
 * The file of an adapter; refuses a value that is not a MappedFile, such as a path, or a promise that was not awaited.
 */
export function toFile(file: unknown): MappedFile {
  if (file instanceof MappedFile) return file
  throw invalidArgType('file', 'an instance of MappedFile, which MappedFile.open() resolves to', file)
}

/**
 * `length` bytes at `offset`, fewer only at the end of the file, as an ArrayBuffer that begins with them: several
 * packages read `.buffer` without its offset. The disk gets ranges of one turn of the event loop together.
 */
export async function copyOf(
  file: MappedFile,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const start = Math.min(toOffset(offset), file.byteLength)
  return file.slice(start, start + cutAtEnd(file.byteLength, start, toLength(length)), cancelledBy(signal))
}

/** A copy of a range that must be complete: rejects with `ERR_OUT_OF_RANGE` where the file ends within it. */
export async function wholeOf(
  file: MappedFile,
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

/** Bytes of one part of a stream: packages that stream read the whole range, in order. */
const PART_BYTES = 256 << 10

/** A stream of copies of `[start, end)`. */
export function streamOf(file: MappedFile, start: number, end: number): Readable {
  // createReadStream() refuses an empty range, as node:fs does.
  if (start >= end) return Readable.from([], { objectMode: false })
  return file.createReadStream({ start, end: end - 1, highWaterMark: PART_BYTES })
}

/** A web byte stream of copies of `[start, end)`. It reads a part when the consumer requests one. */
export function webStreamOf(file: MappedFile, start: number, end: number): ReadableStream<Uint8Array> {
  let position = start
  return new ReadableStream({
    type: 'bytes',
    async pull(controller) {
      const length = Math.min(PART_BYTES, end - position)
      if (length > 0) controller.enqueue(new Uint8Array(await wholeOf(file, position, length)))
      position += length
      if (position < end) return
      controller.close()
      // A reader with its own buffer waits for this answer at the end.
      controller.byobRequest?.respond(0)
    },
  })
}
