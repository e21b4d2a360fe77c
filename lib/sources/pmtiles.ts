// pmtiles: an archive of map tiles, read through a MappedFile.

import { toOffset } from '../arguments.js'
import type { MappedFile } from '../mapped-file.js'
import { copyOf, toFile, wholeOf } from './range.js'

/** The `Source` of pmtiles. */
export interface PmtilesSource {
  /**
   * A copy; rejects with `ERR_OUT_OF_RANGE` where the file ends within the range. Only the first range of the file may
   * be shorter.
   */
  getBytes(offset: number, length: number, signal?: AbortSignal): Promise<{ data: ArrayBuffer }>
  /** The key under which pmtiles caches directories. */
  getKey(): string
}

let sources = 0

/**
 * For `new PMTiles(pmtilesSource(file))`. pmtiles caches directories under `key`. By default every source has its own
 * key, because an archive that was replaced at the same path must not be searched with the directories of the old one.
 *
 * The source has no etag: the bytes of an open file change only by {@link MappedFile.refresh}. Create a new PMTiles
 * after it.
 */
export function pmtilesSource(file: MappedFile, key?: string): PmtilesSource {
  const from = toFile(file)
  sources += 1
  const name = key ?? `${from.path}#${sources}`
  return {
    async getBytes(offset, length, signal) {
      // pmtiles requests the header before it knows the size. Any other short answer would be a broken tile.
      return { data: await (toOffset(offset) > 0 ? wholeOf : copyOf)(from, offset, length, signal) }
    },
    getKey: () => name,
  }
}
