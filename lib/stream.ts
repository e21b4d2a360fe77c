// createReadStream(): a Readable over an open file, which behaves like that of node:fs as far as an open file allows.

import { Buffer } from 'node:buffer'
import { addAbortSignal, finished, Readable, type ReadableOptions } from 'node:stream'
import { type Cancellable, type Offset, signalOf, toOffset } from './arguments.js'
import { invalidArgType, invalidArgValue, outOfRange } from './errors.js'
import type { Handle } from './handle.js'
import { option, setImmediate } from './language.js'
import { SCRATCH_BYTES } from './limits.js'
import { ownMemory } from './memory.js'
import { fill } from './read-range.js'
import { mustHold } from './views.js'

/** The part of the file that a stream reads, and how it reads and ends. */
export interface StreamOptions extends Cancellable {
  /** The first byte; 0 by default. */
  start?: Offset | undefined
  /** The last byte, as in node:fs; the end of the file by default. */
  end?: Offset | undefined
  /** Bytes of a chunk, and bytes that are buffered ahead of the consumer; 64 KiB by default. */
  highWaterMark?: number | undefined
  /** The encoding of chunks, which are then strings; by default, and for null or `''`, chunks are Buffers. */
  encoding?: BufferEncoding | '' | null | undefined
  /** Whether the file is closed when the stream ends or fails; false by default, unlike that of a FileHandle. */
  autoClose?: boolean | undefined
  /** Whether the stream emits 'close' when it is destroyed; true by default. */
  emitClose?: boolean | undefined
}

export const STREAM_OPTIONS = ['start', 'end', 'highWaterMark', 'encoding', 'autoClose', 'emitClose', 'signal']

/** Stream options as node:fs takes them: an object, an encoding alone, or null. */
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

/** The largest number of bytes to request ahead of the consumer: as many as one job copies. */
const AHEAD_BYTES = SCRATCH_BYTES

/**
 * A stream of copies. The file stays open when the stream ends. Closing the file ends the stream with
 * `ERR_FILE_CLOSED`.
 */
export class MappedReadStream extends Readable {
  /** The path of the file when it was opened. */
  readonly path: string
  /** Bytes read so far. */
  bytesRead = 0
  /** True until the events 'open' and 'ready'. */
  pending = true
  /** The first byte. */
  readonly start: number
  /** The last byte; Infinity for the end of the file. */
  readonly end: number
  readonly #handle: Handle
  readonly #autoClose: boolean
  readonly #destroyed = new AbortController()
  /** The chunks that were requested and not handed out yet, in order. */
  readonly #ahead: Promise<Buffer>[] = []
  /** The largest number of them; it grows while the stream is read. */
  #depth = 1
  #next: number
  /** Whether a chunk was pushed in this turn of the event loop. */
  #wasHanded = false
  /** The chunk that is pushed in the next turn. */
  #held: Buffer | undefined
  /** The largest size of the file that was noticed: where it is smaller now, bytes are missing. */
  #size = 0

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
      throw invalidArgValue('options.encoding', 'is not a known encoding', encoding)
    }
    // Without a prototype: Node would read options that somebody has set on Object.prototype.
    super({ __proto__: null, highWaterMark, emitClose, ...(encoding && { encoding }) } as ReadableOptions)
    this.path = handle.path
    this.start = first
    this.end = last
    this.#handle = handle
    this.#next = first
    this.#autoClose = autoClose
    // Not in super(): a signal that is aborted already destroys the stream at once, which needs the fields above.
    if (signal) addAbortSignal(signal, this)
  }

  override _construct(callback: (error?: Error) => void): void {
    this.pending = false
    callback()
    this.emit('open')
    this.emit('ready')
    // With a highWaterMark of 0, Node drops a read() that was called before construction; repeat it at the next tick.
    if (this.readableHighWaterMark === 0) process.nextTick(() => this.read(0))
  }

  override _read(size: number): void {
    const chunkBytes = size > 0 ? size : CHUNK_BYTES
    try {
      this.#size = Math.max(this.#size, this.#handle.size)
      const end = Math.min(this.end + 1, this.#size)
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
        this.#hand(chunk)
      },
      error => {
        this.#ahead.shift()
        this.destroy(error)
      },
    )
  }

  // Pushes one chunk in each turn of the event loop, as a stream of node:fs does: what a consumer does with a chunk may
  // take far longer than to copy it.
  #hand(chunk: Buffer): void {
    if (this.#wasHanded) {
      this.#held = chunk
      return
    }
    this.#wasHanded = true
    setImmediate(() => {
      this.#wasHanded = false
      const held = this.#held
      this.#held = undefined
      if (held && !this.destroyed) this.#hand(held)
    })
    this.push(chunk)
  }

  // Each chunk has memory of its own: it can be transferred, and keeping it keeps no other chunk.
  #chunk(length: number): Promise<Buffer> {
    this.#handle.open()
    const chunk = this.#copyOf(this.#next, length)
    // A failure is reported when its turn comes; until then it must not count as unhandled.
    chunk.catch(() => {})
    return chunk
  }

  #copyOf(offset: number, length: number): Promise<Buffer> {
    try {
      // This process knows that the file is shorter now.
      if (offset + length > this.#handle.byteLength) mustHold(this.#handle, offset, length)
      const memory = ownMemory(length)
      return fill(this.#handle, memory, offset, this.#destroyed.signal, memory)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** 'close' is emitted when no chunk is being read any more. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#destroyed.abort()
    const ended = Promise.allSettled(this.#ahead)
    const closed = this.#autoClose ? ended.then(() => this.#handle.close()) : ended
    closed.then(
      () => callback(error),
      failure => callback(error ?? failure),
    )
  }

  /**
   * Ends the stream, and calls back when it has ended, as in node:fs. It closes the file only with `autoClose: true`.
   */
  close(callback?: (error?: Error | null) => void): void {
    if (callback) {
      if (this.closed) process.nextTick(callback)
      else finished(this, { writable: false }, error => callback(isPremature(error) ? null : error))
    }
    this.destroy()
  }
}

/** Whether `finished()` reports that the stream was destroyed before its end. */
const isPremature = (error: unknown): boolean =>
  (error as { code?: unknown } | null | undefined)?.code === 'ERR_STREAM_PREMATURE_CLOSE'
