// strtok3: tokens of binary formats; file-type and music-metadata read through it.

import type { MappedFile } from '../mapped-file.js'
import { toFile } from './range.js'

interface ReadOptions {
  length?: number
  position?: number
  mayBeLess?: boolean
}

/** The part of strtok3 that {@link strtok3Tokenizer} needs: pass the module, `import * as strtok3 from 'strtok3'`. */
export interface Strtok3<Tokenizer> {
  /** The base class of the tokenizer. */
  AbstractTokenizer: { prototype: Tokenizer }
  /** The error of a read where the file ends too early. */
  EndOfStreamError: new () => Error
}

/** The part of the base class that the tokenizer uses. */
interface Base {
  position: number
  normalizeOptions(target: Uint8Array, options?: ReadOptions): Required<ReadOptions>
}

/**
 * For `fileTypeFromTokenizer(strtok3Tokenizer(file, strtok3))` and `parseFromTokenizer()` of music-metadata. It reads
 * straight into the buffers of strtok3. A tokenizer has a position, so it serves one reader at a time. Closing it
 * leaves the file open.
 *
 * @param strtok3 the module, for its class and its error: this package does not depend on strtok3
 */
export function strtok3Tokenizer<Tokenizer>(
  file: MappedFile,
  strtok3: Strtok3<Tokenizer>,
): Tokenizer & { fileInfo: { size: number; path: string }; setPosition(position: number): void } {
  const from = toFile(file)
  const { AbstractTokenizer, EndOfStreamError } = strtok3
  class MappedTokenizer extends (AbstractTokenizer as unknown as new () => Base) {
    readonly fileInfo = { size: from.byteLength, path: from.path }

    supportsRandomAccess() {
      return true
    }

    setPosition(position: number): void {
      this.position = position
    }

    async readBuffer(target: Uint8Array, options?: ReadOptions): Promise<number> {
      const { position } = this.normalizeOptions(target, options)
      const count = await this.peekBuffer(target, options)
      this.position = position + count
      return count
    }

    async peekBuffer(target: Uint8Array, options?: ReadOptions): Promise<number> {
      const { length, position, mayBeLess } = this.normalizeOptions(target, options)
      const count = await from.readInto(target.subarray(0, length), position)
      if (count < length && !mayBeLess) throw new EndOfStreamError()
      return count
    }
  }
  return new MappedTokenizer() as never
}
