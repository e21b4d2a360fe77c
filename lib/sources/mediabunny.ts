// mediabunny: tracks and samples of audio and video files.

import { toOffset } from '../arguments.js'
import type { MappedFile } from '../mapped-file.js'
import { toFile, wholeOf } from './range.js'

/** The options of mediabunny's `CustomSource`. */
export interface MediabunnySource {
  /** The size of the file in bytes. */
  getSize(): number
  /** A copy of `[start, end)`; rejects with `ERR_OUT_OF_RANGE` where the file ends before `end`. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>
}

/** For `new CustomSource(mediabunnySource(file))`. Disposing of the Input leaves the file open. */
export function mediabunnySource(file: MappedFile): MediabunnySource {
  const from = toFile(file)
  return {
    getSize: () => from.byteLength,
    async read(start, end) {
      return new Uint8Array(await wholeOf(from, start, toOffset(end, 'end') - toOffset(start, 'start')))
    },
  }
}
