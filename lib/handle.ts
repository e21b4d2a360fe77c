// The state behind an open MappedFile: what is mapped of its file, the queue of its reads, and how both are renewed and closed.

import type { NativeFile } from '#binding'
import { Appends } from './appending.js'
import { cutAtEnd, mustFit, toLength, toOffset, toSignal } from './arguments.js'
import { fileClosed } from './errors.js'
import { onPool } from './pool.js'
import { Queue } from './queue.js'
import { sizesChanged } from './sizes.js'
import { Windows } from './windows.js'

/** What a reading method is asked for: a range within the file. */
export interface Range {
  offset: number
  count: number
  signal: AbortSignal | undefined
}

/** An open file, of which a MappedFile is the front. */
export class Handle {
  readonly path: string
  /** Whether stores to views, and writes, reach the file. */
  readonly writable: boolean
  /** Whether its views are over memory that threads share. */
  readonly shared: boolean
  /** The number by which the addon's calls of the hot path know the file. */
  reader: number
  /** Bytes mapped. */
  byteLength: number
  /** How its bytes are had: from a mapping, or by system calls alone. */
  backend: 'mapped' | 'read'
  queue: Queue
  #native: NativeFile | undefined
  // Made when they are needed: a program may have thousands of files open that it hardly reads.
  #windows: Windows | undefined
  #sharedWindows: Windows | undefined
  #oldQueues: Set<Queue> | undefined
  #renewing: Promise<void> | undefined
  #locked = false
  #unmapped = false
  #closing: Promise<void> | undefined
  #appends: Appends | undefined
  /** What {@link sizesChanged} was when the size was looked at last. */
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
    // The addon looked at the file before this moment.
    this.#seen = sizesChanged() - 1
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

  /** Lets go of those. */
  clearWindows(): void {
    this.#windows?.clear()
    this.#sharedWindows?.clear()
  }

  /** The appends of this handle. */
  get appends(): Appends {
    this.#appends ??= new Appends(this)
    return this.#appends
  }

  /** The addon's file, with the size that this process knows it to have; throws when it is closed. */
  open(): NativeFile {
    if (!this.#native) throw fileClosed(this.path)
    if (sizesChanged() !== this.#seen) this.catchUp()
    return this.#native
  }

  /** Bytes of the file, as this process knows it. */
  get size(): number {
    if (this.#native && sizesChanged() !== this.#seen) this.catchUp()
    return this.byteLength
  }

  /** Takes over the size that another handle of this process has found or made. */
  catchUp(): void {
    // What changes meanwhile is looked at next time.
    this.#seen = sizesChanged()
    const found = this.#native?.catchUp()
    if (typeof found === 'object') this.#adopt(found)
    // It may wait for a server. Who reads meanwhile finds the size of before.
    else if (found) this.renew(false).catch(() => {})
  }

  /** Knows of the file at least as far as `end`, where a write of this handle's ended. */
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

  /** What the reading methods have in common: their arguments, checked and cut at the end of the file. */
  range(offset: unknown, length: unknown, options?: unknown): Range {
    this.open()
    const start = toOffset(offset)
    const signal = options === undefined ? undefined : toSignal(options)
    const wanted = length === undefined ? undefined : toLength(length)
    const count = cutAtEnd(this.byteLength, start, wanted)
    mustFit(this.path, start, count)
    // Past the end nothing is read, wherever that is.
    return { offset: Math.min(start, this.byteLength), count, signal }
  }

  /** A position within the file, of which a negative one counts from the end. */
  position(value: number, name: string): number {
    const size = this.byteLength
    const distance = toLength(typeof value === 'number' ? Math.abs(value) : value, name)
    return value < 0 ? Math.max(0, size - distance) : Math.min(size, distance)
  }

  /** From now on there may be locked pages, which close() gives back. */
  noteLock(): void {
    this.#locked = true
  }

  /**
   * Looks at the file again, unless `end` is mapped by the time that it is its turn. One after the other: an older look must not
   * replace a newer one, and each carries on what the one before remembers of stores. Of writes that made the file grow, the
   * first may have seen what the next have done.
   */
  renew(forgiving: boolean, end = Number.POSITIVE_INFINITY): Promise<void> {
    const renewed = (this.#renewing ?? Promise.resolve()).then(async () => {
      const native = this.#native
      if (!native || end <= this.byteLength) return
      const fresh = await this.queue.run(() => native.refresh(forgiving))
      if (this.#native) this.#adopt(fresh)
      else fresh.release()
      // What others have changed while the job ran.
      this.#seen = sizesChanged() - 1
    })
    this.#renewing = renewed.catch(() => {})
    return renewed
  }

  close(unmap = false): Promise<void> {
    if (this.#closing && unmap && !this.#unmapped) return Promise.reject(fileClosed(this.path))
    this.#unmapped ||= unmap
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
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
    // What is on its way stays with the file as it was when it was asked for.
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
