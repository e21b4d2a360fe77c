// createReadStream(): a Readable over an open file, as like that of node:fs as a file that is open already allows.

import { Buffer } from 'node:buffer'
import { addAbortSignal, finished, Readable, type ReadableOptions } from 'node:stream'
import { type Cancellable, type Offset, signalOf, toOffset } from './arguments.js'
import { invalidArgType, invalidArgValue, outOfRange } from './errors.js'
import type { Handle } from './handle.js'
import { option } from './language.js'
import { SCRATCH_BYTES } from './limits.js'
import { ownMemory } from './memory.js'
import { fill } from './read-range.js'

/** Which part of a file, and in which steps. */
export interface StreamOptions extends Cancellable {
  /** The first byte; 0 by default. */
  start?: Offset | undefined
  /** The last byte, as in node:fs; the end of the file by default. */
  end?: Offset | undefined
  /** Bytes of a chunk, and bytes that are kept ahead of the consumer; 64 KiB by default. */
  highWaterMark?: number | undefined
  /** Chunks are strings in this encoding; Buffers by default, and for null or `''`. */
  encoding?: BufferEncoding | '' | null | undefined
  /** Whether the end of the stream, or its failure, closes the file; false by default, unlike that of a FileHandle. */
  autoClose?: boolean | undefined
  /** Whether the stream emits 'close' when it is destroyed; true by default. */
  emitClose?: boolean | undefined
}

export const STREAM_OPTIONS = ['start', 'end', 'highWaterMark', 'encoding', 'autoClose', 'emitClose', 'signal']

/** Stream options as node:fs takes them: an encoding alone, and null, too. */
export function toStreamOptions(options: unknown): StreamOptions {
  if (options === undefined || options === null) return {}
  return typeof options === 'string' ? { encoding: options as BufferEncoding } : (options as StreamOptions)
}

/** A flag among options, checked. */
export function toBoolean(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw invalidArgType(name, 'of type boolean', value)
  return value
}

const CHUNK_BYTES = 64 << 10

/** Bytes that are asked for together ahead of the consumer, at most: as many as one job copies. */
const AHEAD_BYTES = SCRATCH_BYTES

/** A stream of copies. The file stays open when it ends; closing the file ends it with `ERR_FILE_CLOSED`. */
export class MappedReadStream extends Readable {
  /** Where the file was when it was opened. */
  readonly path: string
  /** Bytes read so far. */
  bytesRead = 0
  /** True until the events 'open' and 'ready'. */
  pending = true
  /** The first byte. */
  readonly start: number
  /** The last byte; Infinity for all there is. */
  readonly end: number
  readonly #handle: Handle
  readonly #autoClose: boolean
  readonly #destroyed = new AbortController()
  /** The chunks that were asked for and not handed out yet, in their order. */
  readonly #ahead: Promise<Buffer>[] = []
  /** How many of them there may be: more, the longer the stream is read. */
  #depth = 1
  #next: number

  /** @internal */
  constructor(handle: Handle, given?: StreamOptions | BufferEncoding | null) {
    const options = toStreamOptions(given)
    const signal = signalOf(options, STREAM_OPTIONS)
    // An option that is undefined has its default; one that is null is a mistake.
    const start = option(options, 'start', 0)
    const end = option(options, 'end', Number.POSITIVE_INFINITY)
    const highWaterMark = option(options, 'highWaterMark', CHUNK_BYTES)
    const encoding = option(options, 'encoding') || undefined
    const autoClose = toBoolean(option(options, 'autoClose', false), 'options.autoClose')
    const emitClose = toBoolean(option(options, 'emitClose', true), 'options.emitClose')
    const first = toOffset(start, 'options.start')
    const last = end === Number.POSITIVE_INFINITY ? end : toOffset(end, 'options.end')
    if (first > last) throw outOfRange('options.start', `<= "options.end" (here: ${last})`, first)
    if (encoding !== undefined && !Buffer.isEncoding(encoding)) {
      throw invalidArgValue('options.encoding', 'is no encoding', encoding)
    }
    // Without a prototype, where Node would find options that are nobody's.
    super({ __proto__: null, highWaterMark, emitClose, ...(encoding && { encoding }) } as ReadableOptions)
    this.path = handle.path
    this.start = first
    this.end = last
    this.#handle = handle
    this.#next = first
    this.#autoClose = autoClose
    // Not by super(): a signal that is aborted already destroys the stream at once, which needs all of the above.
    if (signal) addAbortSignal(signal, this)
  }

  override _construct(callback: (error?: Error) => void): void {
    this.pending = false
    callback()
    this.emit('open')
    this.emit('ready')
    // Where nothing may be kept ahead, Node forgets who asked before this has come to it, at the next tick.
    if (this.readableHighWaterMark === 0) process.nextTick(() => this.read(0))
  }

  override _read(size: number): void {
    const chunkBytes = size > 0 ? size : CHUNK_BYTES
    try {
      const end = Math.min(this.end + 1, this.#handle.size)
      while (this.#ahead.length < this.#depth && this.#next < end) {
        const length = Math.min(chunkBytes, end - this.#next)
        this.#ahead.push(this.#chunk(length))
        this.#next += length
      }
      if (this.#ahead.length === 0) {
        this.#handle.open()
        this.push(null)
        return
      }
    } catch (error) {
      this.destroy(error as Error)
      return
    }
    this.#depth = Math.min(2 * this.#depth, Math.max(1, Math.floor(AHEAD_BYTES / chunkBytes)))
    const [first] = this.#ahead as [Promise<Buffer>]
    first.then(
      chunk => {
        this.#ahead.shift()
        this.bytesRead += chunk.length
        this.push(chunk)
      },
      error => {
        this.#ahead.shift()
        this.destroy(error)
      },
    )
  }

  // Memory of its own for each chunk: one that is kept keeps no other, and can be transferred.
  #chunk(length: number): Promise<Buffer> {
    this.#handle.open()
    const memory = ownMemory(length)
    const chunk = fill(this.#handle, memory, this.#next, this.#destroyed.signal, memory)
    // What goes wrong is told when its turn comes.
    chunk.catch(() => {})
    return chunk
  }

  /** 'close' means that no chunk is on its way any more. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#destroyed.abort()
    const ended = Promise.allSettled(this.#ahead)
    const closed = this.#autoClose ? ended.then(() => this.#handle.close()) : ended
    closed.then(
      () => callback(error),
      failure => callback(error ?? failure),
    )
  }

  /** Ends the stream, and calls back when it has ended, as that of node:fs. Closes the file only with `autoClose: true`. */
  close(callback?: (error?: Error | null) => void): void {
    if (callback) {
      if (this.closed) process.nextTick(callback)
      else finished(this, { writable: false }, error => callback(isPremature(error) ? null : error))
    }
    this.destroy()
  }
}

/** What `finished()` calls a stream that was destroyed before its end. */
const isPremature = (error: unknown): boolean =>
  (error as { code?: unknown } | null | undefined)?.code === 'ERR_STREAM_PREMATURE_CLOSE'
