// unzipper: the directory and the entries of a zip file, streamed.

import type { Readable } from 'node:stream'
import { toLength, toOffset } from '../arguments.js'
import type { MappedFile } from '../mapped-file.js'
import { streamOf, toFile } from './range.js'

/** The argument of unzipper's `Open.custom()`. */
export interface UnzipperSource {
  /** The size of the file in bytes. */
  size(): Promise<number>
  /**
   * Copies from `offset` on. Without a `length`, or with 0 or NaN, which unzipper passes, it reads to the end of the
   * file.
   */
  stream(offset: number, length?: number): Readable
}

/**
 * For `Open.custom(unzipperSource(file))`. Entries that unzipper leaves unread hold no resources. The file stays open.
 */
export function unzipperSource(file: MappedFile): UnzipperSource {
  const from = toFile(file)
  return {
    async size() {
      return from.byteLength
    },
    stream(offset, length) {
      const start = toOffset(offset)
      const end = length ? Math.min(start + toLength(length), from.byteLength) : from.byteLength
      return forwardingErrors(streamOf(from, start, end))
    },
  }
}

// unzipper pipes the stream without an error listener, so an error would end the process. Errors are forwarded to the
// destination, where unzipper does listen.
function forwardingErrors(stream: Readable): Readable {
  const pipe = stream.pipe
  stream.pipe = (destination, options) => {
    if (stream.listenerCount('error') === 0) stream.once('error', error => destination.emit('error', error))
    return pipe.call(stream, destination, options) as typeof destination
  }
  return stream
}
