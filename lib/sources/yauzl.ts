// yauzl: entries of a zip file, streamed.

import type { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import type { MappedFile } from '../mapped-file.js'
import { streamOf, toFile } from './range.js'

type Done = (error: Error | null, bytesRead?: number) => void

/** The `RandomAccessReader` of yauzl. */
export interface YauzlReader extends EventEmitter {
  /** Copies of `[start, end)`. */
  _readStreamForRange(start: number, end: number): Readable
  /** The same range, in the form that yauzl calls. */
  createReadStream(options: { start: number; end: number }): Readable
  /**
   * Copies `length` bytes at `position` into the buffer, from its `offset` on, and calls back with the number of bytes.
   */
  read(buffer: Buffer, offset: number, length: number, position: number, callback: Done): void
  /** Leaves the file open. */
  close(callback: (error: Error | null) => void): void
}

/**
 * For `yauzl.fromRandomAccessReader(yauzlReader(file, yauzl.RandomAccessReader), file.byteLength)`. yauzl requires a
 * class that is derived from its own. Pass that class: this package does not depend on yauzl. When yauzl closes its
 * reader, the file stays open.
 *
 * @param RandomAccessReader the class of yauzl
 */
export function yauzlReader<Base extends abstract new () => YauzlReader>(
  file: MappedFile,
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
