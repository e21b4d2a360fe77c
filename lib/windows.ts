// Windows: the long-lived ArrayBuffers over the mapping of a handle. Views are parts of them.

import { Buffer } from 'node:buffer'
import type { NativeFile } from '#binding'
import { warnOfLostViews } from './warnings.js'

/**
 * Bytes of a long window. V8 counts a window as memory of its own, and collects the whole heap for each new one of this
 * size, so windows of files that are read at length are long. Cloning a view copies its whole window, so they are not
 * longer still.
 */
const LONG_BYTES = 256 << 20

/** The overlap of two long windows: every range up to this length lies within one of them. */
const OVERLAP_BYTES = 8 << 20

/** The distance between the starts of two long windows. */
const LONG_STRIDE = LONG_BYTES - OVERLAP_BYTES

/** The largest number of long windows to keep: V8 counts the full size of each as memory of its own. */
const KEPT = 64

/**
 * Bytes of the first window of a handle; each further one is twice as long. A program that opens a file for each request
 * uses no others: V8 then collects the heap once for dozens of them. Shorter windows would keep more closed files
 * mapped until then.
 */
const FIRST_BYTES = 1 << 20

/** The longest of these windows. Longer ranges, and all others after this one, are parts of long windows. */
const GROWN_BYTES = 16 << 20

/** More than all of these windows together have. */
const SHORT_BYTES = 2 * GROWN_BYTES

/** The alignment of a window for one view: that of a page, so that every typed array can be created over it. */
const ALIGNMENT = 4096

interface Window {
  start: number
  end: number
  /** Empty after it was transferred. */
  memory: ArrayBufferLike
}

/**
 * The windows of one handle. A shared one spans the whole file: V8 does not count its memory, and posting a view copies
 * nothing.
 */
export class Windows {
  readonly #path: string
  readonly #shared: boolean
  readonly #longest: number
  readonly #stride: number
  /** The long windows, by their index. */
  #long = new Map<number, Window>()
  /** The short windows. There are few of them. */
  #short: Window[] = []
  #next = FIRST_BYTES
  #id = 0
  /**
   * Whether a window was transferred. From then on each view has an ArrayBuffer of its own, so that a transfer affects
   * one view only.
   */
  #apart = false

  constructor(path: string, shared: boolean) {
    this.#path = path
    this.#shared = shared
    this.#longest = shared ? Number.MAX_SAFE_INTEGER : LONG_BYTES
    this.#stride = shared ? Number.MAX_SAFE_INTEGER : LONG_STRIDE
  }

  /**
   * The mapped bytes of a range within the file. `id` is the native mapping that they should belong to; undefined where
   * it is damaged by now.
   */
  view(native: NativeFile, id: number, offset: number, length: number): Buffer | undefined {
    if (length === 0) return Buffer.alloc(0)
    if (id !== this.#id) {
      if (this.#id !== 0) this.#next = FIRST_BYTES
      this.#id = id
      this.#release()
    }
    if (!this.#apart) {
      const end = offset + length
      const window = this.#find(offset, end) ?? this.#make(native, offset, end)
      if (window === null) return undefined
      if (window?.memory.byteLength === 0) this.#noteLoss()
      else if (window) return Buffer.from(window.memory, offset - window.start, length)
    }
    const first = offset - (offset % ALIGNMENT)
    const own = this.#open(native, first, offset + length - first)
    return own && Buffer.from(own, offset - first, length)
  }

  /** Releases all windows; their views stay valid as long as they are referenced. */
  clear(): void {
    if ([...this.#long.values(), ...this.#short].some(({ memory }) => memory.byteLength === 0)) this.#noteLoss()
    this.#release()
  }

  /** Prepares for views of a whole range: a long one would fill the short windows first, and need a long one too. */
  expect(length: number): void {
    if (length > SHORT_BYTES) this.#next = SHORT_BYTES
  }

  #release(): void {
    this.#long.clear()
    this.#short = []
  }

  /** A window that has the range. */
  #find(offset: number, end: number): Window | undefined {
    const long = this.#long.get(Math.floor(offset / this.#stride))
    if (long && end <= long.end) return long
    for (const short of this.#short) if (short.start <= offset && end <= short.end) return short
    return undefined
  }

  /** A new window for the range; undefined where none may be so long, null where the mapping is damaged by now. */
  #make(native: NativeFile, offset: number, end: number): Window | undefined | null {
    const first = offset - (offset % ALIGNMENT)
    const length = Math.max(this.#next, end - first)
    if (!this.#shared && length <= GROWN_BYTES) {
      const short = this.#windowOf(native, first, length)
      if (short) this.#short.push(short)
      this.#next *= 2
      return short
    }
    const index = Math.floor(offset / this.#stride)
    const start = index * this.#stride
    if (end > start + this.#longest) return undefined
    // The last window is shorter than the others, and too short after the file has grown. It is replaced then.
    const long = this.#windowOf(native, start, this.#longest)
    if (!long) return null
    if (!this.#long.has(index) && this.#long.size >= KEPT) this.#long.delete(this.#long.keys().next().value as number)
    this.#long.set(index, long)
    return long
  }

  #noteLoss(): void {
    this.#apart = true
    this.#release()
    warnOfLostViews(this.#path)
  }

  #windowOf(native: NativeFile, start: number, length: number): Window | null {
    const end = Math.min(start + length, native.byteLength)
    const memory = this.#open(native, start, end - start)
    return memory ? { start, end, memory } : null
  }

  // structuredClone() and postMessage() refuse to transfer a window, as all memory of addons. Byte streams and
  // ArrayBuffer.prototype.transfer() do transfer it. markAsUntransferable() would set a detach key, with which Node 24
  // aborts at the end of the process. markAsUncloneable() has no effect on ArrayBuffers.
  #open(native: NativeFile, start: number, length: number): ArrayBufferLike | undefined {
    return native.window(this.#id, start, length, this.#shared) ?? undefined
  }
}
