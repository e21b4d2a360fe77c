// generic-filehandle2: a file handle for readers of genomic formats (BAM, CRAM, VCF, BigWig, tabix).

import { Buffer } from 'node:buffer'
import { invalidArgValue } from '../errors.js'
import type { MappedFile } from '../mapped-file.js'
import { copyOf, toFile } from './range.js'

interface ReadOptions {
  signal?: AbortSignal
  encoding?: BufferEncoding
}

/** The `GenericFilehandle` of generic-filehandle2. The length comes before the position. */
export interface GenericFilehandle {
  /** `length` bytes from `position` on, fewer only at the end of the file. */
  read(length: number, position?: number, options?: ReadOptions): Promise<Uint8Array<ArrayBuffer>>
  /** The whole file, as bytes, or as text where an encoding is given. */
  readFile(options?: Omit<ReadOptions, 'encoding'>): Promise<Uint8Array<ArrayBuffer>>
  readFile(options: BufferEncoding | (ReadOptions & { encoding: BufferEncoding })): Promise<string>
  /** The size of the file in bytes. */
  stat(): Promise<{ size: number }>
  /** Leaves the file open. */
  close(): Promise<void>
}

/** For readers that take a `filehandle`: `new BamFile({ bamFilehandle: genericFilehandle(file) })`. `close()` leaves the file open. */
export function genericFilehandle(file: MappedFile): GenericFilehandle {
  const from = toFile(file)
  async function readFile(options?: BufferEncoding | ReadOptions): Promise<never> {
    const { signal, encoding } = typeof options === 'string' ? { encoding: options } : (options ?? {})
    // Checked before the file is read: for an empty file, toString() accepts any encoding.
    if (encoding && !Buffer.isEncoding(encoding)) {
      throw invalidArgValue('encoding', "must be an encoding of node:buffer, such as 'utf8'", encoding)
    }
    const bytes = new Uint8Array(await copyOf(from, 0, from.byteLength, signal))
    return (encoding ? Buffer.from(bytes.buffer).toString(encoding) : bytes) as never
  }
  return {
    async read(length, position = 0, options) {
      return new Uint8Array(await copyOf(from, position, length, options?.signal))
    },
    readFile,
    async stat() {
      return { size: from.byteLength }
    },
    async close() {},
  }
}
