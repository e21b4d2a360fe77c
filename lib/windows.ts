// Windows: the long-lived ArrayBuffers over a handle's copy-on-write mapping of which views are parts.

import { Buffer } from 'node:buffer'
import * as workerThreads from 'node:worker_threads'
import type { NativeFile } from '#binding'

/** Bytes of a window. Cloning a view of 16 bytes copies its whole window, so windows are small. */
export const WINDOW_BYTES = 64 << 20

/** Windows begin this far apart, so that any range of up to WINDOW_BYTES - WINDOW_STRIDE bytes lies within one. */
export const WINDOW_STRIDE = 32 << 20

/** Windows kept: V8 counts each with its full size as memory of its own. */
const KEPT = 64

/** The start of a window of its own is aligned to this, as mapped pages are, so that typed arrays fit over it. */
const ALIGNMENT = 4096

// Since Node 22.10 and 23.0; not in the types of 20.
const { markAsUncloneable } = workerThreads as { markAsUncloneable?: (value: object) => void }

/** The windows of one handle. */
export class Windows {
  #kept = new Map<number, ArrayBuffer>()
  #id = 0

  /** The mapped bytes of a range within the file. `id` is that of the native mapping they are wanted of. */
  view(native: NativeFile, id: number, offset: number, length: number): Buffer {
    if (length === 0) return Buffer.alloc(0)
    if (id !== this.#id) {
      this.#id = id
      this.#kept.clear()
    }
    const index = Math.floor(offset / WINDOW_STRIDE)
    const start = index * WINDOW_STRIDE
    if (offset + length > start + WINDOW_BYTES) {
      const first = offset - (offset % ALIGNMENT)
      return Buffer.from(open(native, first, offset + length - first), offset - first, length)
    }
    return Buffer.from(this.#window(native, index), offset - start, length)
  }

  /** Lets go of all windows; views of them stay valid as long as they are referenced. */
  clear(): void {
    this.#kept.clear()
  }

  #window(native: NativeFile, index: number): ArrayBuffer {
    let window = this.#kept.get(index)
    if (!window) {
      const start = index * WINDOW_STRIDE
      window = open(native, start, Math.min(WINDOW_BYTES, native.byteLength - start))
      if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value as number)
      this.#kept.set(index, window)
    }
    return window
  }
}

// A transferred window would be taken from under all its other views; a cloned one copies tens of MiB.
function open(native: NativeFile, start: number, length: number): ArrayBuffer {
  const window = native.window(start, length)
  workerThreads.markAsUntransferable(window)
  markAsUncloneable?.(window)
  return window
}
