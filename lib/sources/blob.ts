// A Blob over an open MappedFile, for packages that take a Blob or a File of the web.

import { basename } from 'node:path'
import { type InspectOptions, inspect } from 'node:util'
import { checkOptions } from '../arguments.js'
import { unsupported } from '../errors.js'
import type { MappedFile } from '../mapped-file.js'
import { toFile, webStreamOf, wholeOf } from './range.js'

/** Options of {@link mappedBlob}. */
export interface BlobOptions {
  /** The MIME type; none by default. */
  type?: string | undefined
  /** The file name, which FormData sends; by default, the last part of the path of the file. */
  name?: string | undefined
  /** Milliseconds since 1970; the time of the call by default. */
  lastModified?: number | undefined
}

interface Described {
  name: string
  type: string
  lastModified: number
}

// The types of File depend on the libraries that a program compiles with. The properties of File that are overridden
// here are accessors.
const Base = File as unknown as new (parts: [], name: string, options: object) => Described

/** The methods of a Blob. The base class has no bytes, so nothing can copy them without these methods. */
class MappedBlob extends Base {
  readonly #file: MappedFile
  readonly #start: number
  readonly #size: number
  readonly #described: Described

  constructor(file: MappedFile, start: number, size: number, options: Described) {
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

  // The method of File would read the internals that are refused.
  [inspect.custom](_depth: number, options: InspectOptions): string {
    const { size, type, name, lastModified } = this
    return `MappedBlob ${inspect({ size, type, name, lastModified }, options)}`
  }

  // Converts positions as the web does: a value that is not a number is 0, and negative ones count from the end.
  #position(value: number | undefined, otherwise: number): number {
    if (value === undefined) return otherwise
    const position = Math.trunc(Number(value)) || 0
    return position < 0 ? Math.max(0, this.#size + position) : Math.min(this.#size, position)
  }
}

/**
 * The runtime keeps the bytes that it would clone, or copy into another Blob, in objects under symbols. Access to these
 * objects is refused, because the copy would be empty.
 */
function refuseAccessToOwnBytes(blob: MappedBlob): void {
  for (const symbol of Object.getOwnPropertySymbols(blob)) {
    if (typeof (blob as never)[symbol] === 'object') Object.defineProperty(blob, symbol, { get: refuse })
  }
}

function refuse(): never {
  throw unsupported(
    'a Blob over a MappedFile cannot be cloned, or be a part of another Blob or File: use `await blob.arrayBuffer()` there. ' +
      'FormData.append() accepts it without a third argument: mappedBlob(file, { name }) sets the name',
  )
}

let refuses: boolean | undefined

/** Whether this runtime refuses to copy the Blob. Otherwise the copy would be empty. */
function refusesCopies(file: MappedFile): boolean {
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
 * A File, which is a Blob, that reads its bytes on demand: for file-type, music-metadata, zip.js, mediabunny,
 * parquet-wasm, `new Response(blob)`, the body of a `fetch()`, and `FormData.append(name, blob)`. Its size is the size
 * of the file at the time of the call. Reads reject with `ERR_OUT_OF_RANGE` where the file has become shorter.
 *
 * @throws `ERR_UNSUPPORTED` for copies that would not call its methods: `new Blob([blob])`, `structuredClone(blob)`,
 *   `postMessage(blob)`, and `FormData.append(name, blob, filename)`; use `options.name` instead of `filename`
 * @throws `ERR_UNSUPPORTED` in Bun, where such copies cannot be refused
 */
export function mappedBlob(file: MappedFile, options: BlobOptions = {}): File {
  const from = toFile(file)
  checkOptions(options, ['type', 'name', 'lastModified'])
  refuses ??= refusesCopies(from)
  if (!refuses) {
    throw unsupported(
      'this runtime copies a Blob without calling its methods, so copies of a Blob over a MappedFile would be empty: ' +
        'use openAsBlob() of node:fs, or Bun.file()',
    )
  }
  const { type = '', name = basename(from.path), lastModified = Date.now() } = options
  return new MappedBlob(from, 0, from.byteLength, { type, name, lastModified }) as unknown as File
}
