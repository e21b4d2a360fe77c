// unzipper: a zip file's directory and its entries, streamed.

import type { Readable } from 'node:stream'
import { toLength, toOffset } from '../arguments.js'
import type { MappedFile } from '../mapped-file.js'
import { streamOf, toFile } from './range.js'

/** What unzipper's `Open.custom()` takes. */
export interface UnzipperSource {
  /** Bytes of the file. */
  size(): Promise<number>
  /** Copies from `offset` on. Without a `length`, and with 0 or NaN, which unzipper passes, to the end of the file. */
  stream(offset: number, length?: number): Readable
}

/** For `Open.custom(unzipperSource(file))`. What unzipper leaves unread holds nothing open; the file is yours to close. */
export function unzipperSource(file: MappedFile<ArrayBufferLike>): UnzipperSource {
  const from = toFile(file)
  return {
    async size() {
      return from.byteLength
    },
    stream(offset, length) {
      const start = toOffset(offset)
      const end = length ? Math.min(start + toLength(length), from.byteLength) : from.byteLength
      return tellingWhereItGoes(streamOf(from, start, end))
    },
  }
}

// unzipper pipes without listening for errors, which would end the process. They go on to what the stream is piped into,
// where unzipper does listen.
function tellingWhereItGoes(stream: Readable): Readable {
  const pipe = stream.pipe
  stream.pipe = (destination, options) => {
    if (stream.listenerCount('error') === 0) stream.once('error', error => destination.emit('error', error))
    return pipe.call(stream, destination, options) as typeof destination
  }
  return stream
}
