// geotiff: rasters. The tiles of a window are requested in one turn of the event loop, so the disk gets their requests
// together.

import type { MappedFile } from '../mapped-file.js'
import { copyOf, toFile } from './range.js'

interface Slice {
  offset: number
  length: number
}

/** The `BaseSource` of geotiff. */
export interface GeotiffSource {
  /** The size of the file in bytes. */
  readonly fileSize: number
  /** Copies of parts of the file, each requested as `{ offset, length }`, in the order of the request. */
  fetch(slices: Slice[], signal?: AbortSignal): Promise<ArrayBuffer[]>
  /** A copy of one part, with its offset and length. */
  fetchSlice(slice: Slice, signal?: AbortSignal): Promise<Slice & { data: ArrayBuffer }>
  /** Leaves the file open. */
  close(): Promise<void>
}

/** For `GeoTIFF.fromSource(geotiffSource(file))`. Closing the GeoTIFF leaves the file open. */
export function geotiffSource(file: MappedFile): GeotiffSource {
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
