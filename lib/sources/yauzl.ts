// yauzl: entries of a zip file, streamed.

import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import type { MappedFile } from '../mapped-file.js'
import { streamOf, toFile } from './range.js'

type Done = (error: Error | null, bytesRead?: number) => void

/** What yauzl calls a `RandomAccessReader`. */
export interface YauzlReader extends EventEmitter {
  /** Copies of the bytes from `start` to before `end`. */
  _readStreamForRange(start: number, end: number): Readable
  /** The same, as yauzl calls it. */
  createReadStream(options: { start: number; end: number }): Readable
  /** Copies `length` bytes at `position` into the buffer, from its `offset` on, and tells how many there were. */
  read(buffer: Buffer, offset: number, length: number, position: number, callback: Done): void
  /** Leaves the file open. */
  close(callback: (error: Error | null) => void): void
}

/**
 * For `yauzl.fromRandomAccessReader(yauzlReader(file, yauzl.RandomAccessReader), file.byteLength)`. yauzl wants a class
 * derived from its own, which is therefore handed in: this package does not depend on yauzl. When yauzl closes its reader,
 * the file stays open.
 *
 * @param RandomAccessReader yauzl's own
 */
export function yauzlReader<Base extends abstract new () => YauzlReader>(
  file: MappedFile<ArrayBufferLike>,
  RandomAccessReader: Base,
): YauzlReader {
  const from = toFile(file)
  class MappedReader extends (RandomAccessReader as unknown as new () => YauzlReader) {
    override _readStreamForRange(start: number, end: number): Readable {
      return streamOf(from, start, end)
    }

    override read(buffer: Buffer, offset: number, length: number, position: number, callback: Done): void {
      from.readInto(buffer.subarray(offset, offset + length), position).then(count => callback(null, count), callback)
    }
  }
  return new MappedReader()
}
