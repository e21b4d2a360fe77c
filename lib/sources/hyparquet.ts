// hyparquet: columns and rows of a Parquet file.

import type { MappedFile } from '../mapped-file.js'
import { toFile } from './range.js'

/** The `AsyncBuffer` of hyparquet. */
export interface HyparquetBuffer {
  /** The size of the file in bytes. */
  readonly byteLength: number
  /** A copy of `[start, end)`; a negative position counts from the end of the file. */
  slice(start: number, end?: number): Promise<ArrayBuffer>
}

/**
 * For `cachedAsyncBuffer(hyparquetBuffer(file))`, and for every function that calls `slice` without its object, or
 * spreads the object. Other functions, such as `parquetReadObjects({ file })`, take the MappedFile itself.
 */
export function hyparquetBuffer(file: MappedFile): HyparquetBuffer {
  const from = toFile(file)
  return {
    get byteLength() {
      return from.byteLength
    },
    slice: (start, end) => from.slice(start, end),
  }
}
