// zip.js: entries of a zip file, as web streams.

import { toLength, toOffset } from '../arguments.js'
import type { MappedFile } from '../mapped-file.js'
import { copyOf, toFile, webStreamOf } from './range.js'

/** The `Reader` of zip.js. */
export interface ZipjsReader {
  /** The size of the file in bytes. */
  readonly size: number
  /** The whole file. */
  readonly readable: ReadableStream<Uint8Array>
  /** A part of the file; without a `size`, from `offset` to the end. */
  createReadable(options?: { offset?: number; size?: number }): ReadableStream<Uint8Array>
  /** A copy of `length` bytes at `index`, fewer only at the end of the file. */
  readUint8Array(index: number, length: number): Promise<Uint8Array<ArrayBuffer>>
}

/** For `new ZipReader(zipjsReader(file))`. Closing the ZipReader leaves the file open. */
export function zipjsReader(file: MappedFile): ZipjsReader {
  const from = toFile(file)
  const createReadable: ZipjsReader['createReadable'] = ({ offset = 0, size } = {}) => {
    const start = toOffset(offset)
    return webStreamOf(from, start, size === undefined ? from.byteLength : start + toLength(size))
  }
  return {
    get size() {
      return from.byteLength
    },
    get readable() {
      return createReadable()
    },
    createReadable,
    async readUint8Array(index, length) {
      return new Uint8Array(await copyOf(from, index, length))
    },
  }
}
