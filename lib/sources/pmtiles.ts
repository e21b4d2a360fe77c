// pmtiles: an archive of map tiles, read through a MappedFile.

import { toOffset } from '../arguments.js'
import type { MappedFile } from '../mapped-file.js'
import { copyOf, toFile, wholeOf } from './range.js'

/** What pmtiles calls a `Source`. */
export interface PmtilesSource {
  /** A copy; rejects with `ERR_OUT_OF_RANGE` where the file ends within what can only be whole. */
  getBytes(offset: number, length: number, signal?: AbortSignal): Promise<{ data: ArrayBuffer }>
  /** What pmtiles keeps directories under. */
  getKey(): string
}

let sources = 0

/**
 * For `new PMTiles(pmtilesSource(file))`. pmtiles keeps directories under `key`. By default no two sources share one, since
 * an archive that was replaced under its path must not be searched by the directories of the old one.
 *
 * No etag is given: the bytes of an open file change only by {@link MappedFile.refresh}, after which a new PMTiles is due.
 */
export function pmtilesSource(file: MappedFile<ArrayBufferLike>, key?: string): PmtilesSource {
  const from = toFile(file)
  sources += 1
  const name = key ?? `${from.path}#${sources}`
  return {
    async getBytes(offset, length, signal) {
      // pmtiles asks for the header before it knows the size. Any other short answer would be a broken tile.
      return { data: await (toOffset(offset) > 0 ? wholeOf : copyOf)(from, offset, length, signal) }
    },
    getKey: () => name,
  }
}
