// The state of an open MappedFile: the mapping of its file, the queue of its reads, and how both are refreshed and
// closed.

import type { NativeFile } from '#binding'
import { Appends } from './appending.js'
import { cutAtEnd, mustFit, toLength, toOffset, toSignal } from './arguments.js'
import { changeCount } from './changes.js'
import { closedWithoutUnmap, fileClosed } from './errors.js'
import { onPool } from './pool.js'
import { Queue } from './queue.js'
import { warnOfLostBytes } from './warnings.js'
import { Windows } from './windows.js'

/** A range within the file, with the signal of its call. */
export interface Range {
  offset: number
  count: number
  signal: AbortSignal | undefined
}

/** An open file. MappedFile is its public interface. */
export class Handle {
  readonly path: string
  /** Whether stores to views, and writes, reach the file. */
  readonly writable: boolean
  /** Whether its views are over a SharedArrayBuffer. */
  readonly shared: boolean
  /** The id of the file in the addon's functions of the hot path. */
  reader: number
  /** Bytes mapped. */
  byteLength: number
  /** How its bytes are read: from a mapping, or by system calls alone. */
  backend: 'mapped' | 'read'
  queue: Queue
  #native: NativeFile | undefined
  // Created on demand: a program may have thousands of open files that it rarely reads.
  #windows: Windows | undefined
  #sharedWindows: Windows | undefined
  #oldQueues: Set<Queue> | undefined
  #renewing: Promise<void> | undefined
  #locked = false
  #unmapped = false
  #closing: Promise<void> | undefined
  #appends: Appends | undefined
  #viewsLost = false
  /** The value of {@link changeCount} when the file was last checked. */
  #seen: number

  constructor(native: NativeFile, path: string, writable: boolean, shared: boolean) {
    this.path = path
    this.writable = writable
    this.shared = shared
    this.reader = native.reader
    this.byteLength = native.byteLength
    this.backend = backendOf(native)
    this.queue = new Queue(native)
    this.#native = native
    // The addon read the size before this moment, so the next call checks it again.
    this.#seen = changeCount() - 1
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  /** The long-lived ArrayBuffers behind its views, or SharedArrayBuffers. */
  windows(shared: boolean): Windows {
    if (shared) {
      this.#sharedWindows ??= new Windows(this.path, true)
      return this.#sharedWindows
    }
    this.#windows ??= new Windows(this.path, false)
    return this.#windows
  }

  /** Releases them. */
  clearWindows(): void {
    this.#windows?.clear()
    this.#sharedWindows?.clear()
  }

  /** The appends of this handle. */
  get appends(): Appends {
    this.#appends ??= new Appends(this)
    return this.#appends
  }

  /** The file of the addon, with the size that this process last noticed. Throws when the file is closed. */
  open(): NativeFile {
    if (!this.#native) throw fileClosed(this.path)
    if (changeCount() !== this.#seen) this.catchUp()
    return this.#native
  }

  /** The size of the file, as this process last noticed it. */
  get size(): number {
    if (this.#native && changeCount() !== this.#seen) this.catchUp()
    return this.byteLength
  }

  /** Whether views have lost bytes since the last refresh. */
  get viewsLost(): boolean {
    if (this.#native && changeCount() !== this.#seen) this.catchUp()
    return this.#viewsLost
  }

  /** Takes over a size that another handle of this process has noticed or set, and reports lost bytes of views. */
  catchUp(): void {
    // A change during this call is noticed by the next one.
    this.#seen = changeCount()
    this.#reportLosses()
    const found = this.#native?.catchUp()
    if (typeof found === 'object') this.#adopt(found)
    // The check may wait for a file server. Reads use the old size meanwhile.
    else if (found) this.renew(false).catch(() => {})
  }

  #reportLosses(): void {
    if (!this.#native?.takeLostViews()) return
    this.#viewsLost = true
    warnOfLostBytes(this.path)
  }

  /** Refreshes the size unless it is already at least `end`, where a write of this handle ended. */
  reach(end: number): Promise<void> {
    this.catchUp()
    return end <= this.byteLength ? Promise.resolve() : this.renew(false, end)
  }

  /** A range of any length, cut at the end of the file. */
  part(offset: unknown, length: unknown): { native: NativeFile; offset: number; count: number } {
    const native = this.open()
    const start = toOffset(offset)
    const count = cutAtEnd(this.byteLength, start, length === undefined ? undefined : toLength(length))
    return { native, offset: Math.min(start, this.byteLength), count }
  }

  /** Checks the arguments of a read, and shortens its range at the end of the file. */
  range(offset: unknown, length: unknown, options?: unknown): Range {
    this.open()
    const start = toOffset(offset)
    const signal = options === undefined ? undefined : toSignal(options)
    const wanted = length === undefined ? undefined : toLength(length)
    const count = cutAtEnd(this.byteLength, start, wanted)
    mustFit(this.path, start, count)
    // Past the end of the file nothing is read, whatever the offset.
    return { offset: Math.min(start, this.byteLength), count, signal }
  }

  /** A position within the file; a negative one counts from the end. */
  position(value: number, name: string): number {
    const size = this.byteLength
    const distance = toLength(typeof value === 'number' ? Math.abs(value) : value, name)
    return value < 0 ? Math.max(0, size - distance) : Math.min(size, distance)
  }

  /** Notes that pages may be locked from now on; close() unlocks them. */
  noteLock(): void {
    this.#locked = true
  }

  /**
   * Refreshes the file, unless `end` is within the known size when the refresh starts. Refreshes run one after the
   * other: an older result must not replace a newer one, and each passes on the record of stores of the one before.
   * Where several writes made the file grow, one refresh can cover them all.
   */
  renew(forgiving: boolean, end = Number.POSITIVE_INFINITY): Promise<void> {
    const renewed = (this.#renewing ?? Promise.resolve()).then(async () => {
      const native = this.#native
      if (!native || end <= this.byteLength) return
      const fresh = await this.queue.run(() => native.refresh(forgiving))
      if (forgiving) {
        this.#reportLosses()
        this.#viewsLost = false
      }
      if (this.#native) this.#adopt(fresh)
      else fresh.release()
      // Other handles may have changed the size while the job ran.
      this.#seen = changeCount() - 1
    })
    this.#renewing = renewed.catch(() => {})
    return renewed
  }

  close(unmap = false): Promise<void> {
    if (this.#closing && unmap && !this.#unmapped) return Promise.reject(closedWithoutUnmap(this.path))
    this.#unmapped ||= unmap
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#reportLosses()
    this.#native = undefined
    this.clearWindows()
    await Promise.all([this.queue, ...(this.#oldQueues ?? [])].map(queue => queue.close(this.path)))
    const { native } = this.queue
    if (this.#locked) await onPool(() => native.unlockAll())
    try {
      if (this.#unmapped) await onPool(() => native.unmapViews())
    } finally {
      native.release()
    }
  }

  #adopt(fresh: NativeFile): void {
    this.#native = fresh
    this.reader = fresh.reader
    this.byteLength = fresh.byteLength
    this.backend = backendOf(fresh)
    // Jobs that run keep the state of the file with which they started.
    const old = this.queue
    this.queue = new Queue(fresh)
    this.#oldQueues ??= new Set()
    this.#oldQueues.add(old)
    old.whenIdle().then(() => {
      this.#oldQueues?.delete(old)
      old.native.release()
    })
  }
}

function backendOf(native: NativeFile): 'mapped' | 'read' {
  return native.mapped ? 'mapped' : 'read'
}
