// Windows: the long-lived ArrayBuffers over the mapping of a handle. Views are parts of them.

import { Buffer } from 'node:buffer'
import type { NativeFile } from '#binding'
import { warnOfLostViews } from './warnings.js'

/**
 * Bytes of a window. V8 counts a window as memory of its own, and collects the whole heap for each new one, so windows
 * are long. Cloning a view copies its whole window, so they are not longer still.
 */
const WINDOW_BYTES = 256 << 20

/** The overlap of two windows: every range up to this length lies within one of them. */
const OVERLAP_BYTES = 8 << 20

/** The distance between the starts of two windows. */
const WINDOW_STRIDE = WINDOW_BYTES - OVERLAP_BYTES

/** The largest number of windows to keep: V8 counts the full size of each as memory of its own. */
const KEPT = 64

/** The alignment of a window for one view: that of a page, so that every typed array can be created over it. */
const ALIGNMENT = 4096

/**
 * The windows of one handle. A shared one spans the whole file: V8 does not count its memory, and posting a view copies
 * nothing.
 */
export class Windows {
  readonly #path: string
  readonly #shared: boolean
  readonly #longest: number
  readonly #stride: number
  #kept = new Map<number, ArrayBufferLike>()
  #id = 0
  /**
   * Whether a window was transferred. From then on each view has an ArrayBuffer of its own, so that a transfer affects
   * one view only.
   */
  #apart = false

  constructor(path: string, shared: boolean) {
    this.#path = path
    this.#shared = shared
    this.#longest = shared ? Number.MAX_SAFE_INTEGER : WINDOW_BYTES
    this.#stride = shared ? Number.MAX_SAFE_INTEGER : WINDOW_STRIDE
  }

  /**
   * The mapped bytes of a range within the file. `id` is the native mapping that they should belong to; undefined where
   * it is damaged by now.
   */
  view(native: NativeFile, id: number, offset: number, length: number): Buffer | undefined {
    if (length === 0) return Buffer.alloc(0)
    if (id !== this.#id) {
      this.#id = id
      this.#kept.clear()
    }
    const index = Math.floor(offset / this.#stride)
    const start = index * this.#stride
    if (!this.#apart && offset + length <= start + this.#longest) {
      const window = this.#window(native, index, offset + length)
      if (window?.byteLength !== 0) return window && Buffer.from(window, offset - start, length)
      this.#noteLoss()
    }
    const first = offset - (offset % ALIGNMENT)
    const own = this.#open(native, first, offset + length - first)
    return own && Buffer.from(own, offset - first, length)
  }

  /** Releases all windows; their views stay valid as long as they are referenced. */
  clear(): void {
    if ([...this.#kept.values()].some(window => window.byteLength === 0)) this.#noteLoss()
    this.#kept.clear()
  }

  /** The window with this index, which reaches to `end` at least. A transferred window is returned empty. */
  #window(native: NativeFile, index: number, end: number): ArrayBufferLike | undefined {
    let window = this.#kept.get(index)
    if (window?.byteLength === 0) return window
    const start = index * this.#stride
    // The last window is shorter than the others, and too short after the file has grown.
    if (!window || start + window.byteLength < end) {
      window = this.#open(native, start, Math.min(this.#longest, native.byteLength - start))
      if (!window) return undefined
      if (!this.#kept.has(index) && this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value as number)
      this.#kept.set(index, window)
    }
    return window
  }

  #noteLoss(): void {
    this.#apart = true
    this.#kept.clear()
    warnOfLostViews(this.#path)
  }

  // structuredClone() and postMessage() refuse to transfer a window, as all memory of addons. Byte streams and
  // ArrayBuffer.prototype.transfer() do transfer it. markAsUntransferable() would set a detach key, with which Node 24
  // aborts at the end of the process. markAsUncloneable() has no effect on ArrayBuffers.
  #open(native: NativeFile, start: number, length: number): ArrayBufferLike | undefined {
    return native.window(this.#id, start, length, this.#shared) ?? undefined
  }
}
