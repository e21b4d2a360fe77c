// MappedFile: an open, mapped file, its reads and its views.

import { Buffer } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { type NativeFile, openFile } from '#binding'
import {
  type ByteRange,
  type Cancellable,
  cutAtEnd,
  isFileHandle,
  mustFit,
  type Offset,
  type Source,
  toBytes,
  toLength,
  toOffset,
  toPath,
  toSignal,
} from './arguments.js'
import { smallBuffer } from './blocks.js'
import { type ChunkOptions, chunks } from './chunks.js'
import { fileClosed, invalidArgType, invalidArgValue, outOfRange, unsupported } from './errors.js'
import { gather, type Run, toRuns } from './gather.js'
import { allOrFirstFailure, type Records, toBuffers, toRanges, toRecords } from './many.js'
import { onPool } from './pool.js'
import { Queue } from './queue.js'
import { readyViews, release, tryCopy } from './reader.js'
import { SCRATCH_BYTES } from './scratch.js'
import { largeBuffer, SLAB_BYTES } from './slabs.js'
import { mustHaveRoom, type Plan, ShortTransfer, transferRange } from './transfer.js'
import { affords, answer, NOT_HERE, refund, type When } from './turn.js'
import { Windows } from './windows.js'

/** The longest range that is copied on the JS thread when it is known to be in memory: about 0.1 ms. */
export const INLINE_BYTES = 1 << 20

/** Up to here a result is copied out of a batch; longer ones have memory that the pool writes directly. */
const BATCHED_BYTES = 256 << 10

/** What a view that is ready costs of a turn, in bytes; it copies none. */
const COST_OF_A_VIEW = 4096

/** How to open a file. */
export interface OpenOptions extends Cancellable {
  /** `'r'`: reads, and views whose changes stay with their handle. */
  mode?: 'r'
}

/** How much of a range is in memory. */
export interface Residency {
  /** Pages of the range, of `pageSize` bytes each. */
  pages: number
  /** How many are in the page cache; undefined where the kernel will not tell this user the truth. */
  resident: number | undefined
  /** How many are mapped into this process already, so that touching them cannot wait: true for every user. */
  mapped: number
  /** Bytes of a page. */
  pageSize: number
}

const INTERNAL = Symbol('MappedFile.open')

/**
 * An open file that is read through a mapping, without ever blocking the event loop. The mapping is shared by all handles
 * and workers of the process. Offsets and lengths are bytes; a range is cut at the end of the file, like `fs.read`.
 *
 * Methods that return promises always reject and never throw; `tryRead`, `tryReadInto` and `tryView` throw. All of them
 * fail with ERR_FILE_CLOSED after {@link close}, with ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE for arguments that cannot
 * be meant, with ERR_FILE_TRUNCATED where the file has been cut below the range, and with the system's code (`EIO`) where
 * the device cannot deliver the bytes.
 */
export class MappedFile implements AsyncDisposable {
  /** Where the file was when it was opened. */
  readonly path: string
  #native: NativeFile | undefined
  #reader: object
  #byteLength: number
  #queue: Queue
  #oldQueues = new Set<Queue>()
  #windows = new Windows()
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(key: symbol, native: NativeFile, path: string) {
    if (key !== INTERNAL) throw invalidArgType('key', 'left to MappedFile.open()', key)
    this.#native = native
    this.#reader = native.reader()
    this.#byteLength = native.byteLength
    this.#queue = new Queue(native)
    this.path = path
  }

  /**
   * Opens and maps a file; nothing of it is read. Takes a path, or a FileHandle that goes on to belong to the caller.
   * Rejects with ERR_NOT_A_FILE for what has no bytes to map (a directory, a FIFO, a socket, a device, a /proc file), and
   * with the system's code (`ENOENT`, `EACCES`) where it cannot be opened.
   */
  static async open(source: Source | FileHandle, options?: OpenOptions): Promise<MappedFile> {
    const signal = toSignal(options)
    const mode: unknown = options?.mode
    if (mode === 'r+') throw unsupported("mode 'r+' is not supported; open with mode 'r' and write with node:fs")
    if (mode !== undefined && mode !== 'r') throw invalidArgValue('options.mode', "must be 'r'", mode)
    if (isFileHandle(source)) {
      const { fd } = source
      const native = await onPool(inAnyCase => openFile(inAnyCase, fd), signal)
      return new MappedFile(INTERNAL, native, native.path)
    }
    const { bytes, text } = toPath(source)
    return new MappedFile(INTERNAL, await onPool(inAnyCase => openFile(inAnyCase, bytes), signal), text)
  }

  /** @internal A handle on what mmapRead() keeps mapped. */
  static of(native: NativeFile): MappedFile {
    return new MappedFile(INTERNAL, native, native.path)
  }

  /** Bytes mapped: the file's size at open, or at the last {@link refresh}. */
  get byteLength(): number {
    return this.#byteLength
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#closing !== undefined
  }

  /**
   * A copy of the range; of the rest of the file without a length. Small and in memory: answered without the pool. A long
   * result (over 256 KiB) cannot be transferred to another thread; one of {@link slice} can.
   * Rejects with ERR_OUT_OF_RANGE where the range, after the cut at the end of the file, fits no Buffer.
   */
  read(offset: Offset = 0, length?: number, options?: Cancellable): Promise<Buffer> {
    try {
      const { at, count, signal } = this.#range(offset, length, options)
      return this.#read(at, count, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Fills `target` from `offset` on; resolves to the bytes written, fewer only at the end of the file. Allocates nothing
   * that depends on the length. The target is only ever written on the JS thread: one that is resized or transferred
   * meanwhile rejects with ERR_OUT_OF_RANGE, and one whose read was aborted is not written any more.
   */
  readInto(target: ArrayBufferView, offset: Offset = 0, options?: Cancellable): Promise<number> {
    try {
      this.#open()
      const bytes = toBytes(target)
      const at = Math.min(toOffset(offset), this.#byteLength)
      const signal = options === undefined ? undefined : toSignal(options)
      const count = cutAtEnd(this.#byteLength, at, bytes.byteLength)
      const when = this.#copiesNow(bytes, at, count)
      if (when) return answer(count, when)
      return new Promise((resolve, reject) => {
        if (count <= BATCHED_BYTES && !signal) {
          this.#queue.add('copy', new ShortTransfer(at, count, undefined, bytes, count, resolve, reject))
        } else this.#transfer(at, count, { kind: 'copy', signal, take: copier(bytes) }, () => resolve(count), reject)
      })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Many ranges in one trip, in the order asked. Rejects with the error of the first that failed, whose place in `ranges` is
   * in `error.index`.
   */
  async readMany(ranges: readonly ByteRange[], options?: Cancellable): Promise<Buffer[]> {
    return allOrFirstFailure(await this.#readAll(ranges, options))
  }

  /** The same, each range with its own outcome. Rejects only when aborted, closed, or called with what are no ranges. */
  async readManySettled(ranges: readonly ByteRange[], options?: Cancellable): Promise<PromiseSettledResult<Buffer>[]> {
    return this.#readAll(ranges, options)
  }

  /**
   * Gathers records of `length` bytes from `offsets`, back to back, into one target: no Buffer per record. Resolves to the
   * bytes written; a record at the end of the file is shorter, and the next one follows it without a gap. Rejects with
   * ERR_OUT_OF_RANGE where the target has no room for all of them.
   */
  async readManyInto(
    target: ArrayBufferView,
    offsets: Float64Array | BigUint64Array | readonly number[],
    length: number,
    options?: Cancellable,
  ): Promise<number> {
    this.#open()
    const bytes = toBytes(target)
    const size = toLength(length)
    const records = toRecords(offsets, size, this.#byteLength)
    const signal = toSignal(options)
    const total = records.offsets.length * size
    if (total > bytes.byteLength) {
      const expected = `at least ${total}: ${records.offsets.length} records of ${size}`
      throw outOfRange('target.byteLength', expected, bytes.byteLength)
    }
    return size > SCRATCH_BYTES ? this.#gatherLong(bytes, records, signal) : this.#gather(bytes, records, signal)
  }

  /** A copy now, or undefined if that could wait for the disk. Throws; otherwise as {@link read}. */
  tryRead(offset: Offset, length: number): Buffer | undefined {
    const { at, count } = this.#range(offset, length)
    const bytes = this.#memory(count)
    return tryCopy(this.#reader, bytes, 0, at, count) ? bytes : undefined
  }

  /** The same into `target`: bytes written, or undefined. No promise, no allocation. */
  tryReadInto(target: ArrayBufferView, offset: Offset): number | undefined {
    this.#open()
    const bytes = toBytes(target)
    const at = Math.min(toOffset(offset), this.#byteLength)
    const count = cutAtEnd(this.#byteLength, at, bytes.byteLength)
    return tryCopy(this.#reader, bytes, 0, at, count) ? count : undefined
  }

  /**
   * The mapped bytes themselves, no copy, faulted in before the promise resolves. What is written to a view stays in this
   * handle's views: it reaches neither the file, nor any read, nor another handle. A view lives as long as it is
   * referenced, also after {@link close}; it cannot be transferred. Faulted in means at that moment: the kernel may evict
   * the pages later, and touching them then waits for the disk. Where the file is cut short, a view reads zeros.
   */
  view(offset: Offset = 0, length?: number, options?: Cancellable): Promise<Buffer> {
    try {
      const { at, count, signal } = this.#range(offset, length, options)
      const when = affords(COST_OF_A_VIEW)
      const ready = when ? this.#tryView(at, count) : undefined
      return ready ? answer(ready, when) : this.#viewCold(at, count, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A view now, or undefined if touching it could wait for the disk at the time of the call. Throws. */
  tryView(offset: Offset, length: number): Buffer | undefined {
    const { at, count } = this.#range(offset, length)
    return this.#tryView(at, count)
  }

  /**
   * Views of the whole file or of a part, in order, the next ones being faulted in while this one is used. `end` is
   * exclusive; `chunkSize` (1 MiB) is the length of a view, `readAhead` (8 MiB) how far the faulting in runs ahead.
   */
  chunks(options?: ChunkOptions): AsyncIterableIterator<Buffer> {
    return chunks(this, options)
  }

  /**
   * The range as an ArrayBuffer of exactly its size, which can be transferred; `end` is exclusive, and negative positions
   * count from the end of the file, as in `ArrayBuffer.prototype.slice`.
   */
  async slice(start: number, end?: number): Promise<ArrayBuffer> {
    this.#open()
    const from = this.#position(start, 'start')
    const to = end === undefined ? this.#byteLength : this.#position(end, 'end')
    const count = Math.max(0, to - from)
    mustFit(this.path, from, count)
    const memory = new Uint8Array(count)
    const when = this.#copiesNow(memory, from, count)
    if (when) await answer(undefined, when)
    else {
      await new Promise<void>((resolve, reject) => this.#fetch(memory, from, undefined, resolve, reject))
    }
    return memory.buffer
  }

  /** Brings a range into memory and into the page table, so that reads of it are answered at once. */
  async prefault(offset: Offset = 0, length?: number, options?: Cancellable): Promise<void> {
    this.#open()
    const at = toOffset(offset)
    const count = cutAtEnd(this.#byteLength, at, length === undefined ? undefined : toLength(length))
    const plan: Plan = { kind: 'prefault', signal: toSignal(options) }
    await new Promise<void>((resolve, reject) => this.#transfer(at, count, plan, resolve, reject))
  }

  /** How much of a range is in memory, in pages. Reads nothing. */
  async residency(offset: Offset = 0, length?: number): Promise<Residency> {
    const native = this.#open()
    const at = toOffset(offset)
    const count = cutAtEnd(this.#byteLength, at, length === undefined ? undefined : toLength(length))
    const { pages, resident, mapped, pageSize } = await this.#queue.run(inAnyCase =>
      native.residency(inAnyCase, Math.min(at, this.#byteLength), count),
    )
    return { pages, resident, mapped, pageSize }
  }

  /**
   * Looks at the file again: what it has grown by can be read, what was cut is gone, damage is recovered from. Resolves to
   * {@link byteLength}. Views made before stay as they are.
   */
  async refresh(): Promise<number> {
    const native = this.#open()
    const fresh = await this.#queue.run(inAnyCase => native.refresh(inAnyCase))
    // Unless it was closed meanwhile.
    if (this.#native) {
      this.#native = fresh
      release(this.#reader)
      this.#reader = fresh.reader()
      this.#byteLength = fresh.byteLength
      // What is on its way stays with the file as it was when it was asked for.
      const old = this.#queue
      this.#queue = new Queue(fresh)
      this.#oldQueues.add(old)
      old.whenIdle().then(() => {
        this.#oldQueues.delete(old)
        old.native.release()
      })
    }
    return this.#byteLength
  }

  /**
   * Refuses new calls, rejects reads not yet begun with ERR_FILE_CLOSED, and waits for those begun. Twice is fine. Memory
   * goes when the last view has gone.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** {@link close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#native = undefined
    release(this.#reader)
    this.#windows.clear()
    await Promise.all([this.#queue, ...this.#oldQueues].map(queue => queue.close(this.path)))
    this.#queue.native.release()
  }

  #open(): NativeFile {
    if (!this.#native) throw fileClosed(this.path)
    return this.#native
  }

  // What the reading methods have in common: their arguments, checked and cut at the end of the file.
  #range(offset: unknown, length: unknown, options?: unknown) {
    this.#open()
    const at = toOffset(offset)
    const signal = options === undefined ? undefined : toSignal(options)
    const wanted = length === undefined ? undefined : toLength(length)
    const count = cutAtEnd(this.#byteLength, at, wanted)
    mustFit(this.path, at, count)
    // Past the end nothing is read, wherever that is.
    return { at: Math.min(at, this.#byteLength), count, signal }
  }

  #position(value: number, name: string): number {
    const size = this.#byteLength
    const distance = toLength(typeof value === 'number' ? Math.abs(value) : value, name)
    return value < 0 ? Math.max(0, size - distance) : Math.min(size, distance)
  }

  #read(at: number, count: number, signal: AbortSignal | undefined): Promise<Buffer> {
    const bytes = this.#memory(count)
    const when = this.#copiesNow(bytes, at, count)
    if (when) return answer(bytes, when)
    return new Promise((resolve, reject) => {
      if (count <= BATCHED_BYTES && !signal) {
        this.#queue.add('fill', new ShortTransfer(at, count, bytes, undefined, bytes, resolve, reject))
      } else this.#fetch(bytes, at, signal, () => resolve(bytes), reject)
    })
  }

  // Memory for a result, which nobody else knows yet.
  #memory(count: number): Buffer {
    return count < SLAB_BYTES ? smallBuffer(count) : largeBuffer(count)
  }

  // Copies a range on this thread if it is short, in memory, and affordable; says when that may be told.
  #copiesNow(target: Uint8Array, at: number, count: number): When {
    if (count > INLINE_BYTES) return NOT_HERE
    const when = affords(count)
    if (!when || tryCopy(this.#reader, target, 0, at, count)) return when
    refund(count)
    return NOT_HERE
  }

  // Fills memory of ours: what is short, through a batch, what is long, directly.
  #fetch(
    memory: Uint8Array,
    at: number,
    signal: AbortSignal | undefined,
    resolve: () => void,
    reject: (error: unknown) => void,
  ): void {
    const plan: Plan =
      memory.length > BATCHED_BYTES ? { kind: 'solo', signal, memory } : { kind: 'copy', signal, take: copier(memory) }
    this.#transfer(at, memory.length, plan, resolve, reject)
  }

  #transfer(at: number, count: number, plan: Plan, resolve: () => void, reject: (error: unknown) => void): void {
    transferRange(this.#queue, at, count, plan, resolve, reject)
  }

  async #readAll(ranges: unknown, options: unknown): Promise<PromiseSettledResult<Buffer>[]> {
    this.#open()
    const signal = toSignal(options)
    const { count, offsets, lengths, places, long, refused } = toRanges(ranges, this.#byteLength, this.path)
    const results = new Array<PromiseSettledResult<Buffer>>(count)
    for (const [place, reason] of refused) results[place] = { status: 'rejected', reason }
    const reads = long.map(({ place, offset, length }) =>
      this.#read(offset, length, signal).then(
        value => {
          results[place] = { status: 'fulfilled', value }
        },
        reason => {
          results[place] = { status: 'rejected', reason }
        },
      ),
    )
    const runs = toRuns(lengths, bytes => ({ memory: Buffer.allocUnsafeSlow(bytes), at: 0 }))
    const arrived = (run: Run, failures?: Map<number, unknown>) => {
      const buffers = toBuffers(run, lengths)
      for (let i = 0; i < run.count; i += 1) {
        const number = run.first + i
        const place = places[number] as number
        results[place] = failures?.has(number)
          ? { status: 'rejected', reason: failures.get(number) }
          : { status: 'fulfilled', value: buffers[i] as Buffer }
      }
    }
    const gathering = { queue: this.#queue, reader: this.#reader, signal, offsets, lengths, runs, ours: true, arrived }
    await Promise.all([gather(gathering), ...reads])
    signal?.throwIfAborted()
    return results
  }

  async #gather(target: Uint8Array, records: Records, signal?: AbortSignal): Promise<number> {
    let total = 0
    const runs = toRuns(records.lengths, bytes => {
      total += bytes
      return { memory: target, at: total - bytes }
    })
    const arrived = ({ at, bytes }: Run, failures?: Map<number, unknown>) => {
      for (const error of failures?.values() ?? []) throw error
      mustHaveRoom(target, at + bytes)
    }
    await gather({ queue: this.#queue, reader: this.#reader, signal, ...records, runs, ours: false, arrived })
    return total
  }

  // Records that are longer than a batch are transferred one by one.
  async #gatherLong(target: Uint8Array, { offsets, lengths }: Records, signal?: AbortSignal): Promise<number> {
    let to = 0
    for (let i = 0; i < offsets.length; i += 1) {
      const count = lengths[i] as number
      const plan: Plan = { kind: 'copy', signal, take: copier(target, to) }
      await new Promise<void>((resolve, reject) => this.#transfer(offsets[i] as number, count, plan, resolve, reject))
      to += count
    }
    return to
  }

  #tryView(at: number, count: number): Buffer | undefined {
    const native = this.#open()
    if (count === 0) return Buffer.alloc(0)
    const id = readyViews(this.#reader, at, count)
    return id === 0 ? undefined : this.#windows.view(native, id, at, count)
  }

  async #viewCold(at: number, count: number, signal: AbortSignal | undefined): Promise<Buffer> {
    const { native } = this.#queue
    await new Promise<void>((resolve, reject) => this.#transfer(at, count, { kind: 'view', signal }, resolve, reject))
    const view = this.#windows.view(native, native.viewsId(), at, count)
    if (this.closed) this.#windows.clear()
    return view
  }
}

// Writes what comes out of scratch memory to a target, after a look at whether there still is room: a caller's may have
// been resized or transferred meanwhile.
function copier(target: Uint8Array, to = 0): NonNullable<Plan['take']> {
  return (scratch, from, length, at) => {
    mustHaveRoom(target, to + at + length)
    scratch.copy(target, to + at, from, from + length)
  }
}
