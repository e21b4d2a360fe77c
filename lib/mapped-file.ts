// MappedFile: an open, mapped file, its reads and its views.

import { Buffer } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { Descriptor, type NativeFile, openFile } from '#binding'
import {
  type ByteRange,
  type Cancellable,
  cutAtEnd,
  isFileHandle,
  mustFit,
  type Offset,
  type Source,
  toDescriptor,
  toLength,
  toOffset,
  toPath,
  toSignal,
} from './arguments.js'
import { type ChunkOptions, chunks } from './chunks.js'
import { fileClosed, invalidArgType, invalidArgValue, invalidThis, outOfRange } from './errors.js'
import { gather, type Run, toRuns } from './gather.js'
import { type Advice, adviseRange, lockRange, toAdvice } from './locking.js'
import { allOrFirstFailure, type Records, toBuffers, toRanges, toRecords } from './many.js'
import { resultMemory } from './memory.js'
import { onPool } from './pool.js'
import { Queue } from './queue.js'
import { readyViews, release, tryCopy } from './reader.js'
import { SCRATCH_BYTES } from './scratch.js'
import { MappedReadStream, type StreamOptions } from './stream.js'
import { copyTo, mustHaveRoom, sizeOf, toBytes } from './targets.js'
import { type Plan, ShortTransfer, transferRange } from './transfer.js'
import { affords, answer, NOT_HERE, refund, type When } from './turn.js'
import { Windows } from './windows.js'
import { writeBytes } from './writing.js'

/** The longest range that is copied on the JS thread when it is known to be in memory: about 0.1 ms. */
export const INLINE_BYTES = 1 << 20

/** Up to here a result is copied out of a batch; longer ones have memory that the pool writes directly. */
const BATCHED_BYTES = 256 << 10

/** What a view that is ready costs of a turn, in bytes; it copies none. */
const COST_OF_A_VIEW = 4096

/** How to open a file. */
export interface OpenOptions extends Cancellable {
  /**
   * `'r'` (default): reads, and views whose changes stay with their handle. `'r+'`: views write through to the file, `write()`
   * and `flush()` work.
   */
  mode?: 'r' | 'r+'
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
 * be meant, with ERR_INVALID_THIS where they were taken off their handle, with ERR_FILE_TRUNCATED where the file has been cut
 * below the range, and with the system's code (`EIO`) where the device cannot deliver the bytes.
 */
export class MappedFile implements AsyncDisposable {
  /** Where the file was when it was opened. */
  readonly path: string
  /** How it was opened. */
  readonly mode: 'r' | 'r+'
  #native: NativeFile | undefined
  #reader: object
  #byteLength: number
  #queue: Queue
  #oldQueues = new Set<Queue>()
  #windows = new Windows()
  #renewing: Promise<void> = Promise.resolve()
  #locked = false
  #closing: Promise<void> | undefined

  /** @internal */
  constructor(key: symbol, native: NativeFile, path: string, mode: 'r' | 'r+' = 'r') {
    if (key !== INTERNAL) throw invalidArgType('key', 'left to MappedFile.open()', key)
    this.#native = native
    this.#reader = native.reader()
    this.#byteLength = native.byteLength
    this.#queue = new Queue(native)
    this.path = path
    this.mode = mode
  }

  /**
   * Opens and maps a file; nothing of it is read. Takes a path, or a FileHandle that goes on to belong to the caller.
   * Rejects with ERR_NOT_A_FILE for what has no bytes to map (a directory, a FIFO, a socket, a device, a /proc file), and
   * with the system's code (`ENOENT`, `EACCES`, `EROFS`) where it cannot be opened in this mode.
   */
  static async open(source: Source | FileHandle, options?: OpenOptions): Promise<MappedFile> {
    const signal = toSignal(options)
    const { mode = 'r' } = options ?? {}
    if (mode !== 'r' && mode !== 'r+') throw invalidArgValue('options.mode', "must be 'r' or 'r+'", mode)
    const path = isFileHandle(source) ? undefined : toPath(source)
    const opened = path?.bytes ?? new Descriptor(toDescriptor((source as FileHandle).fd))
    const native = await onPool(inAnyCase => openFile(inAnyCase, opened, mode === 'r+'), signal)
    return new MappedFile(INTERNAL, native, path?.text ?? native.path, mode)
  }

  /** @internal A handle on what mmapRead() keeps mapped. */
  static of(native: NativeFile): MappedFile {
    return new MappedFile(INTERNAL, native, native.path)
  }

  /** Bytes mapped: the file's size at open, or at the last {@link refresh}. */
  get byteLength(): number {
    return MappedFile.#own(this).#byteLength
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return MappedFile.#own(this).#closing !== undefined
  }

  /**
   * A copy of the range; of the rest of the file without a length. Small and in memory: answered without the pool. A short
   * result (up to 16 KiB) shares its memory with others and cannot be transferred; one of {@link slice} can.
   * Rejects with ERR_OUT_OF_RANGE where the range, after the cut at the end of the file, fits no Buffer.
   */
  read(offset: Offset = 0, length?: number, options?: Cancellable): Promise<Buffer> {
    try {
      const { at, count, signal } = MappedFile.#own(this).#range(offset, length, options)
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
      MappedFile.#own(this).#open()
      const bytes = toBytes(target)
      const at = Math.min(toOffset(offset), this.#byteLength)
      const signal = options === undefined ? undefined : toSignal(options)
      const count = cutAtEnd(this.#byteLength, at, sizeOf(bytes))
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
    return allOrFirstFailure(await MappedFile.#own(this).#readAll(ranges, options))
  }

  /** The same, each range with its own outcome. Rejects only when aborted, closed, or called with what are no ranges. */
  async readManySettled(ranges: readonly ByteRange[], options?: Cancellable): Promise<PromiseSettledResult<Buffer>[]> {
    return MappedFile.#own(this).#readAll(ranges, options)
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
    MappedFile.#own(this).#open()
    const bytes = toBytes(target)
    const size = toLength(length)
    const records = toRecords(offsets, size, this.#byteLength)
    const signal = toSignal(options)
    const [total, room] = [records.count * size, sizeOf(bytes)]
    if (total > room) {
      const expected = `at least ${total}: ${records.count} records of ${size}`
      throw outOfRange('target.byteLength', expected, room)
    }
    return size > SCRATCH_BYTES ? this.#gatherLong(bytes, records, signal) : this.#gather(bytes, records, signal)
  }

  /** A copy now, or undefined if that could wait for the disk. Throws; otherwise as {@link read}. */
  tryRead(offset: Offset, length: number): Buffer | undefined {
    const { at, count } = MappedFile.#own(this).#range(offset, length)
    const bytes = resultMemory(count)
    return tryCopy(this.#reader, bytes, 0, at, count) ? bytes : undefined
  }

  /** The same into `target`: bytes written, or undefined. No promise, no allocation. */
  tryReadInto(target: ArrayBufferView, offset: Offset): number | undefined {
    MappedFile.#own(this).#open()
    const bytes = toBytes(target)
    const at = Math.min(toOffset(offset), this.#byteLength)
    const count = cutAtEnd(this.#byteLength, at, sizeOf(bytes))
    return tryCopy(this.#reader, bytes, 0, at, count) ? count : undefined
  }

  /**
   * The mapped bytes themselves, no copy, faulted in before the promise resolves. In mode 'r' what is written to a view stays
   * in this handle's views: it reaches neither the file, nor any read, nor another handle. In mode 'r+' it is in the file for
   * every reader at once, and on the device after {@link flush}. A view lives as long as it is referenced, also after
   * {@link close}; it cannot be transferred. Faulted in means at that moment: only {@link lock} keeps the kernel from evicting
   * the pages later, and touching them then waits for the disk. Where the file is cut short, a view reads zeros.
   */
  view(offset: Offset = 0, length?: number, options?: Cancellable): Promise<Buffer> {
    try {
      const { at, count, signal } = MappedFile.#own(this).#range(offset, length, options)
      const when = affords(COST_OF_A_VIEW)
      const ready = when ? this.#tryView(at, count) : undefined
      return ready ? answer(ready, when) : this.#viewCold(at, count, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A view now, or undefined if touching it could wait for the disk at the time of the call. Throws. */
  tryView(offset: Offset, length: number): Buffer | undefined {
    const { at, count } = MappedFile.#own(this).#range(offset, length)
    return this.#tryView(at, count)
  }

  /**
   * Views of the whole file or of a part, in order, the next ones being faulted in while this one is used. `end` is
   * exclusive; `chunkSize` (1 MiB) is the length of a view, `readAhead` (8 MiB) how far the faulting in runs ahead.
   */
  chunks(options?: ChunkOptions): AsyncIterableIterator<Buffer> {
    return chunks(MappedFile.#own(this), options)
  }

  /**
   * A Readable of copies, from `start` to `end` inclusive, as in node:fs. Each chunk has memory of its own. The file stays open.
   * Throws for options that make no sense.
   */
  createReadStream(options?: StreamOptions): MappedReadStream {
    return new MappedReadStream(MappedFile.#own(this), options)
  }

  /**
   * The range as an ArrayBuffer of exactly its size, which can be transferred; `end` is exclusive, and negative positions
   * count from the end of the file, as in `ArrayBuffer.prototype.slice`.
   */
  async slice(start: number, end?: number, options?: Cancellable): Promise<ArrayBuffer> {
    MappedFile.#own(this).#open()
    const signal = toSignal(options)
    const from = this.#position(start, 'start')
    const to = end === undefined ? this.#byteLength : this.#position(end, 'end')
    const count = Math.max(0, to - from)
    mustFit(this.path, from, count)
    const memory = new ArrayBuffer(count)
    return this.#fill(new Uint8Array(memory), from, signal, memory)
  }

  /** Brings a range into memory and into the page table, so that reads of it are answered at once. */
  async prefault(offset: Offset = 0, length?: number, options?: Cancellable): Promise<void> {
    const { at, count } = MappedFile.#own(this).#part(offset, length)
    const plan: Plan = { kind: 'prefault', signal: toSignal(options) }
    await new Promise<void>((resolve, reject) => this.#transfer(at, count, plan, resolve, reject))
  }

  /** How much of a range is in memory, in pages. Reads nothing. */
  async residency(offset: Offset = 0, length?: number): Promise<Residency> {
    const { native, at, count } = MappedFile.#own(this).#part(offset, length)
    const { pages, resident, mapped, pageSize } = await this.#queue.run(inAnyCase =>
      native.residency(inAnyCase, at, count),
    )
    // An Option that is None arrives as null.
    return { pages, resident: resident ?? undefined, mapped, pageSize }
  }

  /**
   * Tells the kernel how this handle's file will be used, through its descriptor: no other handle is affected. `'willneed'`
   * starts reading a range, `'dontneed'` takes it out of the page cache as far as it is clean and mapped by nobody (what
   * reads have copied from stays mapped as long as a handle is open). `'random'`, `'sequential'` and `'normal'` set the kernel's
   * own read-ahead for this descriptor, whatever the range; reads of ours ask for exactly what they need in any case.
   */
  async advise(advice: Advice, offset: Offset = 0, length?: number): Promise<void> {
    const { at, count } = MappedFile.#own(this).#part(offset, length)
    await adviseRange(this.#queue, toAdvice(advice), at, count)
  }

  /**
   * Brings a range into memory and pins its pages, so that no later read, view or touch of it can wait for the disk. Counted:
   * pages stay until each lock of each handle was taken back, by {@link unlock}, {@link close} or garbage collection. Rejects
   * with ENOMEM or EPERM past RLIMIT_MEMLOCK; then nothing of the range is locked. What the file is cut by is not locked any
   * more. Takes the lock of the address space for writing, for a moment per 8 MiB.
   */
  async lock(offset: Offset = 0, length?: number): Promise<void> {
    const { at, count } = MappedFile.#own(this).#part(offset, length)
    this.#locked = true
    await lockRange(this.#queue, at, count, () => this.#open())
  }

  /** Takes back one {@link lock} of each page of the range; where this handle has none, nothing happens. */
  async unlock(offset: Offset = 0, length?: number): Promise<void> {
    const native = MappedFile.#own(this).#open()
    const at = toOffset(offset)
    const count = length === undefined ? undefined : toLength(length)
    await this.#queue.run(inAnyCase => native.unlock(inAnyCase, at, count))
  }

  /**
   * Mode 'r+': writes all of `data` at `offset`, and makes the file grow where it must. Resolves to the bytes written, when
   * every read, view and handle sees them; {@link flush} brings them to the device. Up to 1 MiB is taken before the call
   * returns, the rest piece by piece: leave longer data alone until the promise settles (data that is made smaller or
   * transferred before that rejects with ERR_OUT_OF_RANGE). Rejects with the system's code (`ENOSPC`) and the range that was
   * not written; what is before it was. Rejects with EBADF in mode 'r'.
   */
  async write(data: ArrayBufferView, offset: Offset): Promise<number> {
    MappedFile.#own(this).#open()
    const bytes = toBytes(data, 'data')
    const at = toOffset(offset)
    const count = sizeOf(bytes)
    toOffset(at + count, 'offset + data.byteLength')
    try {
      await writeBytes(this.#queue, bytes, at)
    } finally {
      // Also when only a part could be written.
      if (this.mode === 'r+') await this.#renew(false, at + count)
    }
    return count
  }

  /**
   * Mode 'r+': resolves when all that was written to the range before, by {@link write} or through views, is on the device.
   * Rejects with ENOSPC, EIO or ERR_FILE_TRUNCATED, and the range, where any of it was lost, and goes on to do so until
   * {@link refresh}, which connects views made from then on with the file again. Rejects with EBADF in mode 'r'.
   */
  async flush(offset: Offset = 0, length?: number): Promise<void> {
    const { native, at, count } = MappedFile.#own(this).#part(offset, length)
    await this.#queue.run(inAnyCase => native.flush(inAnyCase, at, count))
  }

  /**
   * Looks at the file again: what it has grown by can be read, what was cut is gone, damage is recovered from. Resolves to
   * {@link byteLength}. Views made before stay as they are.
   */
  async refresh(): Promise<number> {
    MappedFile.#own(this).#open()
    await this.#renew(true)
    return this.#byteLength
  }

  /**
   * Refuses new calls, rejects reads not yet begun with ERR_FILE_CLOSED, and waits for those begun. Twice is fine. Memory
   * goes when the last view has gone.
   */
  async close(): Promise<void> {
    const self = MappedFile.#own(this)
    self.#closing ??= self.#close()
    return self.#closing
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    return MappedFile.#own(this).close()
  }

  // A method may be called on anything, or taken off its handle. The language refuses that too, but without a code.
  static #own(self: unknown): MappedFile {
    if (typeof self === 'object' && self !== null && #native in self) return self
    throw invalidThis('MappedFile', self)
  }

  async #close(): Promise<void> {
    this.#native = undefined
    release(this.#reader)
    this.#windows.clear()
    await Promise.all([this.#queue, ...this.#oldQueues].map(queue => queue.close(this.path)))
    const { native } = this.#queue
    if (this.#locked) await onPool(inAnyCase => native.unlockAll(inAnyCase))
    native.release()
  }

  #open(): NativeFile {
    if (!this.#native) throw fileClosed(this.path)
    return this.#native
  }

  // One after the other: an older look must not replace a newer one, and each carries on what the one before remembers of
  // stores. Of writes that made the file grow, the first may have seen what the next have done.
  #renew(forgiving: boolean, end = Number.POSITIVE_INFINITY): Promise<void> {
    const renewed = this.#renewing.then(async () => {
      const native = this.#native
      if (!native || end <= this.#byteLength) return
      const fresh = await this.#queue.run(inAnyCase => native.refresh(inAnyCase, forgiving))
      if (this.#native) this.#adopt(fresh)
      else fresh.release()
    })
    this.#renewing = renewed.catch(() => {})
    return renewed
  }

  #adopt(fresh: NativeFile): void {
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

  // A range of any length, cut at the end of the file.
  #part(offset: unknown, length: unknown) {
    const native = this.#open()
    const at = toOffset(offset)
    const count = cutAtEnd(this.#byteLength, at, length === undefined ? undefined : toLength(length))
    return { native, at: Math.min(at, this.#byteLength), count }
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
    const bytes = resultMemory(count)
    return this.#fill(bytes, at, signal, bytes)
  }

  // Fills memory of ours, and resolves to what the caller sees of it.
  #fill<T>(memory: Uint8Array, at: number, signal: AbortSignal | undefined, result: T): Promise<T> {
    const count = memory.length
    const when = this.#copiesNow(memory, at, count)
    if (when) return answer(result, when)
    return new Promise((resolve, reject) => {
      if (count <= BATCHED_BYTES && !signal) {
        this.#queue.add('fill', new ShortTransfer(at, count, memory, undefined, result, resolve, reject))
      } else this.#fetch(memory, at, signal, () => resolve(result), reject)
    })
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
    const { count, records, places, long, refused } = toRanges(ranges, this.#byteLength, this.path)
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
    const runs = toRuns(records)
    const arrived = (run: Run, failures?: Map<number, unknown>) => {
      const buffers = toBuffers(run, records.lengths)
      for (let i = 0; i < run.count; i += 1) {
        const number = run.first + i
        const place = places[number] as number
        results[place] = failures?.has(number)
          ? { status: 'rejected', reason: failures.get(number) }
          : { status: 'fulfilled', value: buffers[i] as Buffer }
      }
    }
    const gathering = { queue: this.#queue, reader: this.#reader, signal, ...records, runs, ours: true, arrived }
    await Promise.all([gather(gathering), ...reads])
    signal?.throwIfAborted()
    return results
  }

  async #gather(target: Uint8Array, records: Records, signal?: AbortSignal): Promise<number> {
    const runs = toRuns(records, target)
    const arrived = (_run: Run, failures?: Map<number, unknown>) => {
      for (const error of failures?.values() ?? []) throw error
    }
    await gather({ queue: this.#queue, reader: this.#reader, signal, ...records, runs, ours: false, arrived })
    return runs.reduce((total, { bytes }) => total + bytes, 0)
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
    for (;;) {
      const id = native.viewsId()
      await new Promise<void>((resolve, reject) => this.#transfer(at, count, { kind: 'view', signal }, resolve, reject))
      // What was faulted in belongs to a mapping that may have been damaged since: then there is another one by now.
      const view = id === native.viewsId() ? this.#windows.view(native, id, at, count) : undefined
      if (this.closed) this.#windows.clear()
      if (view) return view
    }
  }
}

// Writes what comes out of scratch memory to a target, after a look at whether there still is room: a caller's may have
// been resized or transferred meanwhile.
function copier(target: Uint8Array, to = 0): NonNullable<Plan['take']> {
  return (scratch, from, length, at) => {
    mustHaveRoom(target, to + at + length)
    copyTo(target, to + at, scratch, from, length)
  }
}
