// createReadStream(): a Readable over an open file, as like that of node:fs as a file that is open already allows.

import { Buffer } from 'node:buffer'
import { addAbortSignal, Readable } from 'node:stream'
import { type Cancellable, type Offset, signalOf, toOffset } from './arguments.js'
import { invalidArgValue, outOfRange } from './errors.js'
import { option } from './language.js'
import type { MappedFile } from './mapped-file.js'

/** Which part of a file, and in which steps. */
export interface StreamOptions extends Cancellable {
  /** The first byte; 0 by default. */
  start?: Offset
  /** The last byte, as in node:fs; the end of the file by default. */
  end?: Offset
  /** Bytes of a chunk, and bytes that are kept ahead of the consumer; 64 KiB by default. */
  highWaterMark?: number
  /** Chunks are strings in this encoding; Buffers by default. */
  encoding?: BufferEncoding
}

const CHUNK_BYTES = 64 << 10

/** Bytes that are brought into memory ahead of the chunks, so that a cold file is read at the disk's own rate. */
const READ_AHEAD_BYTES = 4 << 20

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
  readonly #file: MappedFile
  readonly #destroyed = new AbortController()
  #next: number
  #requested: number
  #reading: Promise<void> | undefined

  /** @internal */
  constructor(file: MappedFile, options: StreamOptions = {}) {
    const signal = signalOf(options)
    // An option that is undefined has its default; one that is null is a mistake.
    const start = option(options, 'start', 0)
    const end = option(options, 'end', Number.POSITIVE_INFINITY)
    const highWaterMark = option(options, 'highWaterMark', CHUNK_BYTES)
    const encoding = option(options, 'encoding')
    const first = toOffset(start, 'options.start')
    const last = end === Number.POSITIVE_INFINITY ? end : toOffset(end, 'options.end')
    if (first > last) throw outOfRange('options.start', `<= "options.end" (here: ${last})`, first)
    if (encoding !== undefined && !Buffer.isEncoding(encoding)) {
      throw invalidArgValue('options.encoding', 'is no encoding', encoding)
    }
    super({ highWaterMark, ...(encoding && { encoding }) })
    this.path = file.path
    this.start = first
    this.end = last
    this.#file = file
    this.#next = first
    this.#requested = first
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
    const end = Math.min(this.end + 1, this.#file.byteLength)
    const length = Math.min(size > 0 ? size : CHUNK_BYTES, end - this.#next)
    if (length <= 0 && !this.#file.closed) {
      this.push(null)
      return
    }
    this.#readAhead(length, end)
    // Memory of its own for each chunk: one that is kept keeps no other, and can be transferred.
    const chunk = Buffer.allocUnsafeSlow(Math.max(0, length))
    const { signal } = this.#destroyed
    this.#reading = this.#file.readInto(chunk, this.#next, { signal }).then(
      count => {
        this.#reading = undefined
        this.#next += count
        this.bytesRead += count
        // The file may have been found shorter meanwhile.
        this.push(count === 0 ? null : chunk.subarray(0, count))
      },
      error => {
        this.#reading = undefined
        this.destroy(error)
      },
    )
  }

  /** 'close' means that nothing is being read any more. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#destroyed.abort()
    if (this.#reading) this.#reading.then(() => callback(error))
    else callback(error)
  }

  #readAhead(length: number, end: number): void {
    if (this.#next + length >= end || this.#requested - this.#next > READ_AHEAD_BYTES / 2) return
    const from = Math.max(this.#requested, this.#next)
    const size = Math.min(READ_AHEAD_BYTES, end - from)
    this.#requested = from + size
    // What goes wrong is told by the read that comes to it.
    this.#file.prefault(from, size, { signal: this.#destroyed.signal }).catch(() => {})
  }
}
