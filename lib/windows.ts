// Windows: the long-lived ArrayBuffers over the mapping of a handle's views, of which views are parts.

import { Buffer } from 'node:buffer'
import type { NativeFile } from '#binding'
import { warnOfLostViews } from './warnings.js'

/**
 * Bytes of a window. V8 counts each as memory of its own, and collects the whole heap for each that is made, so they are
 * long. Where a view is cloned, that copies its whole window, so they are not as long as they might be.
 */
const WINDOW_BYTES = 256 << 20

/** Windows overlap by as much, so that any range that is no longer lies within one. */
const OVERLAP_BYTES = 8 << 20

/** Windows begin this far apart. */
const WINDOW_STRIDE = WINDOW_BYTES - OVERLAP_BYTES

/** Windows kept: V8 counts each with its full size as memory of its own. */
const KEPT = 64

/** The start of a window of its own is aligned to this, as mapped pages are, so that typed arrays fit over it. */
const ALIGNMENT = 4096

/**
 * The windows of one handle. Those that threads share are one for the whole file: V8 does not count them, and who has one view has all
 * that there is.
 */
export class Windows {
  readonly #path: string
  readonly #shared: boolean
  readonly #longest: number
  readonly #stride: number
  #kept = new Map<number, ArrayBufferLike>()
  #id = 0
  /** A window was taken away, so from now on each view has an ArrayBuffer of its own: whoever takes one takes nothing from others. */
  #apart = false

  constructor(path: string, shared: boolean) {
    this.#path = path
    this.#shared = shared
    this.#longest = shared ? Number.MAX_SAFE_INTEGER : WINDOW_BYTES
    this.#stride = shared ? Number.MAX_SAFE_INTEGER : WINDOW_STRIDE
  }

  /**
   * The mapped bytes of a range within the file. `id` is that of the native mapping they are wanted of; undefined where that
   * is damaged by now.
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

  /** Lets go of all windows; views of them stay valid as long as they are referenced. */
  clear(): void {
    if ([...this.#kept.values()].some(window => window.byteLength === 0)) this.#noteLoss()
    this.#kept.clear()
  }

  /** The window with this number, which reaches to `end` at least; one that was taken away is empty. */
  #window(native: NativeFile, index: number, end: number): ArrayBufferLike | undefined {
    let window = this.#kept.get(index)
    if (window?.byteLength === 0) return window
    const start = index * this.#stride
    // The last window is shorter than the others, and too short when the file has grown.
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

  // structuredClone() and postMessage() refuse to transfer a window, as they do with all memory of addons; byte streams and
  // ArrayBuffer.prototype.transfer() take it. markAsUntransferable() would give it a detach key, with which Node 24 aborts at the end
  // of the process. markAsUncloneable() does nothing to ArrayBuffers.
  #open(native: NativeFile, start: number, length: number): ArrayBufferLike | undefined {
    return native.window(this.#id, start, length, this.#shared) ?? undefined
  }
}
