// zarrita: arrays in a zip file. Each chunk is one range.

import type { MappedFile } from '../mapped-file.js'
import { copyOf, toFile } from './range.js'

/** The `Reader` of zarrita's ZipFileStore and of unzipit, which it uses. */
export interface ZarritaReader {
  /** The size of the file in bytes. */
  getLength(): Promise<number>
  /** A copy of `size` bytes at `offset`, fewer only at the end of the file. */
  read(offset: number, size: number): Promise<Uint8Array<ArrayBuffer>>
}

/** For `new ZipFileStore(zarritaReader(file))`, and for unzipit's `unzip(zarritaReader(file))`. */
export function zarritaReader(file: MappedFile): ZarritaReader {
  const from = toFile(file)
  return {
    async getLength() {
      return from.byteLength
    },
    async read(offset, size) {
      return new Uint8Array(await copyOf(from, offset, size))
    },
  }
}
