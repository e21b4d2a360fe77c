// hyparquet: columns and rows of a Parquet file.

import type { MappedFile } from '../mapped-file.js'
import { toFile } from './range.js'

/** What hyparquet calls an `AsyncBuffer`. */
export interface HyparquetBuffer {
  /** Bytes of the file. */
  readonly byteLength: number
  /** A copy of `[start, end)`; a negative position counts from the end of the file. */
  slice(start: number, end?: number): Promise<ArrayBuffer>
}

/**
 * For `cachedAsyncBuffer(hyparquetBuffer(file))`, and for any other function that takes `slice` off its object or spreads it. What takes
 * it as it is, such as `parquetReadObjects({ file })`, takes the MappedFile itself.
 */
export function hyparquetBuffer(file: MappedFile<ArrayBufferLike>): HyparquetBuffer {
  const from = toFile(file)
  return {
    get byteLength() {
      return from.byteLength
    },
    slice: (start, end) => from.slice(start, end),
  }
}
