// geotiff: rasters, of which the tiles of a window are asked for in one turn, and so reach the disk together.

import type { MappedFile } from '../mapped-file.js'
import { copyOf, toFile } from './range.js'

interface Slice {
  offset: number
  length: number
}

/** What geotiff calls a `BaseSource`. */
export interface GeotiffSource {
  /** Bytes of the file. */
  readonly fileSize: number
  /** Copies of parts of the file, each given as `{ offset, length }`, in the order asked. */
  fetch(slices: Slice[], signal?: AbortSignal): Promise<ArrayBuffer[]>
  /** One of them, with where it is from. */
  fetchSlice(slice: Slice, signal?: AbortSignal): Promise<Slice & { data: ArrayBuffer }>
  /** Leaves the file open. */
  close(): Promise<void>
}

/** For `GeoTIFF.fromSource(geotiffSource(file))`. Closing the GeoTIFF leaves the file open. */
export function geotiffSource(file: MappedFile<ArrayBufferLike>): GeotiffSource {
  const from = toFile(file)
  return {
    get fileSize() {
      return from.byteLength
    },
    fetch: (slices, signal) => Promise.all(slices.map(({ offset, length }) => copyOf(from, offset, length, signal))),
    async fetchSlice({ offset, length }, signal) {
      return { offset, length, data: await copyOf(from, offset, length, signal) }
    },
    async close() {},
  }
}
