// A Blob over an open MappedFile, for packages that take a Blob or a File of the web.

import { basename } from 'node:path'
import { type InspectOptions, inspect } from 'node:util'
import { checkOptions } from '../arguments.js'
import { unsupported } from '../errors.js'
import type { MappedFile } from '../mapped-file.js'
import { toFile, webStreamOf, wholeOf } from './range.js'

/** What a {@link mappedBlob} says of itself. */
export interface BlobOptions {
  /** Its MIME type; none by default. */
  type?: string | undefined
  /** Its file name, which a form sends along: the last part of the file's path by default. */
  name?: string | undefined
  /** Milliseconds since 1970; the time of the call by default. */
  lastModified?: number | undefined
}

interface Described {
  name: string
  type: string
  lastModified: number
}

// The types of File differ by the libraries that a program compiles with. Those of its properties that are overridden are accessors.
const Base = File as unknown as new (parts: [], name: string, options: object) => Described

/** Methods are as of a Blob. Its own bytes, which other Blobs and clones would be made of, are none. */
class MappedBlob extends Base {
  readonly #file: MappedFile<ArrayBufferLike>
  readonly #start: number
  readonly #size: number
  readonly #described: Described

  constructor(file: MappedFile<ArrayBufferLike>, start: number, size: number, options: Described) {
    super([], options.name, options)
    const { name, type, lastModified } = this.#inherited()
    this.#file = file
    this.#start = start
    this.#size = size
    this.#described = { name, type, lastModified }
    refuseAccessToOwnBytes(this)
  }

  #inherited(): Described {
    return { name: super.name, type: super.type, lastModified: super.lastModified }
  }

  get size(): number {
    return this.#size
  }

  override get type(): string {
    return this.#described.type
  }

  override get name(): string {
    return this.#described.name
  }

  override get lastModified(): number {
    return this.#described.lastModified
  }

  slice(start?: number, end?: number, type = ''): MappedBlob {
    const from = this.#position(start, 0)
    const to = this.#position(end, this.#size)
    const described = { ...this.#described, type: String(type) }
    return new MappedBlob(this.#file, this.#start + from, Math.max(0, to - from), described)
  }

  stream(): ReadableStream<Uint8Array> {
    return webStreamOf(this.#file, this.#start, this.#start + this.#size)
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return wholeOf(this.#file, this.#start, this.#size)
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.arrayBuffer())
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.arrayBuffer())
  }

  // That of File looks at what is refused.
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { size, type, name, lastModified } = this
    return `MappedBlob ${inspect({ size, type, name, lastModified }, options)}`
  }

  // As the web converts positions: what is no number is 0, and negative ones count from the end.
  #position(value: number | undefined, otherwise: number): number {
    if (value === undefined) return otherwise
    const position = Math.trunc(Number(value)) || 0
    return position < 0 ? Math.max(0, this.#size + position) : Math.min(this.#size, position)
  }
}

/**
 * Where the runtime keeps what it would clone, or copy into another Blob, under symbols of its own: none of these objects is given away, or
 * the copy would be empty.
 */
function refuseAccessToOwnBytes(blob: MappedBlob): void {
  for (const symbol of Object.getOwnPropertySymbols(blob)) {
    if (typeof (blob as never)[symbol] === 'object') Object.defineProperty(blob, symbol, { get: refuse })
  }
}

function refuse(): never {
  throw unsupported(
    'a Blob over a MappedFile can be read, streamed, sent and sliced, but neither cloned nor made a part of another Blob or File: ' +
      'use `await blob.arrayBuffer()` there. FormData.append() takes it without a third argument: mappedBlob(file, { name }) names it',
  )
}

let refuses: boolean | undefined

/** Whether this runtime refuses what it would else make an empty Blob of. */
function refusesCopies(file: MappedFile<ArrayBufferLike>): boolean {
  const probe = new MappedBlob(file, 0, 1, { name: '', type: '', lastModified: 0 })
  return [() => new Blob([probe as never]), () => structuredClone(probe)].every(copy => {
    try {
      copy()
      return false
    } catch {
      return true
    }
  })
}

/**
 * A File, which is a Blob, whose bytes are read when they are asked for: for file-type, music-metadata, zip.js, mediabunny, parquet-wasm,
 * `new Response(blob)`, the body of a `fetch()`, and `FormData.append(name, blob)`. Its size is that of the file at the time of the
 * call. Reading rejects with `ERR_OUT_OF_RANGE` where the file has become shorter.
 *
 * @throws `ERR_UNSUPPORTED` for what would copy the bytes without reading them by its methods: `new Blob([blob])`,
 *   `structuredClone(blob)`, `postMessage(blob)`, and `FormData.append(name, blob, filename)`, for which `options.name` is there
 * @throws `ERR_UNSUPPORTED` in runtimes where these could not be refused: Bun
 */
export function mappedBlob(file: MappedFile<ArrayBufferLike>, options: BlobOptions = {}): File {
  const from = toFile(file)
  checkOptions(options, ['type', 'name', 'lastModified'])
  refuses ??= refusesCopies(from)
  if (!refuses) {
    throw unsupported(
      'this runtime copies a Blob without calling its methods, so that copies of a Blob over a MappedFile would be empty: ' +
        'use openAsBlob() of node:fs, or Bun.file()',
    )
  }
  const { type = '', name = basename(from.path), lastModified = Date.now() } = options
  return new MappedBlob(from, 0, from.byteLength, { type, name, lastModified }) as unknown as File
}
