// MappedFile: an open, mapped file, its reads and its views.

import type { Buffer } from 'node:buffer'
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
import { readAll, readRecords } from './batches.js'
import { type ChunkOptions, chunks } from './chunks.js'
import { fill, fillTarget } from './copies.js'
import { invalidArgType, invalidArgValue, invalidThis } from './errors.js'
import { Handle } from './handle.js'
import { type Advice, adviseRange, lockRange, toAdvice } from './locking.js'
import { allOrFirstFailure } from './many.js'
import { resultMemory } from './memory.js'
import { onPool } from './pool.js'
import { tryCopy } from './reader.js'
import { MappedReadStream, type StreamOptions } from './stream.js'
import { sizeOf, toBytes } from './targets.js'
import { type Plan, transferRange } from './transfer.js'
import { readyView, viewOf } from './views.js'
import { writeBytes } from './writing.js'

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
  readonly #handle: Handle

  /** @internal */
  constructor(key: symbol, native: NativeFile, path: string, mode: 'r' | 'r+' = 'r') {
    if (key !== INTERNAL) throw invalidArgType('key', 'left to MappedFile.open()', key)
    this.#handle = new Handle(native, path, mode)
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
    return MappedFile.#own(this).byteLength
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return MappedFile.#own(this).closed
  }

  /**
   * A copy of the range; of the rest of the file without a length. Small and in memory: answered without the pool. A short
   * result (up to 16 KiB) shares its memory with others and cannot be transferred; one of {@link slice} can.
   * Rejects with ERR_OUT_OF_RANGE where the range, after the cut at the end of the file, fits no Buffer.
   */
  read(offset: Offset = 0, length?: number, options?: Cancellable): Promise<Buffer> {
    try {
      const handle = MappedFile.#own(this)
      const { at, count, signal } = handle.range(offset, length, options)
      const bytes = resultMemory(count)
      return fill(handle, bytes, at, signal, bytes)
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
      const handle = MappedFile.#own(this)
      handle.open()
      const bytes = toBytes(target)
      const at = Math.min(toOffset(offset), handle.byteLength)
      const signal = options === undefined ? undefined : toSignal(options)
      return fillTarget(handle, bytes, at, cutAtEnd(handle.byteLength, at, sizeOf(bytes)), signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Many ranges in one trip, in the order asked. Rejects with the error of the first that failed, whose place in `ranges` is
   * in `error.index`.
   */
  async readMany(ranges: readonly ByteRange[], options?: Cancellable): Promise<Buffer[]> {
    return allOrFirstFailure(await readAll(MappedFile.#own(this), ranges, options))
  }

  /** The same, each range with its own outcome. Rejects only when aborted, closed, or called with what are no ranges. */
  async readManySettled(ranges: readonly ByteRange[], options?: Cancellable): Promise<PromiseSettledResult<Buffer>[]> {
    return readAll(MappedFile.#own(this), ranges, options)
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
    return readRecords(MappedFile.#own(this), target, offsets, length, options)
  }

  /** A copy now, or undefined if that could wait for the disk. Throws; otherwise as {@link read}. */
  tryRead(offset: Offset, length: number): Buffer | undefined {
    const handle = MappedFile.#own(this)
    const { at, count } = handle.range(offset, length)
    const bytes = resultMemory(count)
    return tryCopy(handle.reader, bytes, 0, at, count) ? bytes : undefined
  }

  /** The same into `target`: bytes written, or undefined. No promise, no allocation. */
  tryReadInto(target: ArrayBufferView, offset: Offset): number | undefined {
    const handle = MappedFile.#own(this)
    handle.open()
    const bytes = toBytes(target)
    const at = Math.min(toOffset(offset), handle.byteLength)
    const count = cutAtEnd(handle.byteLength, at, sizeOf(bytes))
    return tryCopy(handle.reader, bytes, 0, at, count) ? count : undefined
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
      const handle = MappedFile.#own(this)
      return viewOf(handle, handle.range(offset, length, options))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** A view now, or undefined if touching it could wait for the disk at the time of the call. Throws. */
  tryView(offset: Offset, length: number): Buffer | undefined {
    const handle = MappedFile.#own(this)
    const { at, count } = handle.range(offset, length)
    return readyView(handle, at, count)
  }

  /**
   * Views of the whole file or of a part, in order, the next ones being faulted in while this one is used. `end` is
   * exclusive; `chunkSize` (1 MiB) is the length of a view, `readAhead` (8 MiB) how far the faulting in runs ahead.
   */
  chunks(options?: ChunkOptions): AsyncIterableIterator<Buffer> {
    MappedFile.#own(this)
    return chunks(this, options)
  }

  /**
   * A Readable of copies, from `start` to `end` inclusive, as in node:fs. Each chunk has memory of its own. The file stays open.
   * Throws for options that make no sense.
   */
  createReadStream(options?: StreamOptions): MappedReadStream {
    MappedFile.#own(this)
    return new MappedReadStream(this, options)
  }

  /**
   * The range as an ArrayBuffer of exactly its size, which can be transferred; `end` is exclusive, and negative positions
   * count from the end of the file, as in `ArrayBuffer.prototype.slice`.
   */
  async slice(start: number, end?: number, options?: Cancellable): Promise<ArrayBuffer> {
    const handle = MappedFile.#own(this)
    handle.open()
    const signal = toSignal(options)
    const from = handle.position(start, 'start')
    const to = end === undefined ? handle.byteLength : handle.position(end, 'end')
    const count = Math.max(0, to - from)
    mustFit(handle.path, from, count)
    const memory = new ArrayBuffer(count)
    return fill(handle, new Uint8Array(memory), from, signal, memory)
  }

  /** Brings a range into memory and into the page table, so that reads of it are answered at once. */
  async prefault(offset: Offset = 0, length?: number, options?: Cancellable): Promise<void> {
    const handle = MappedFile.#own(this)
    const { at, count } = handle.part(offset, length)
    const plan: Plan = { kind: 'prefault', signal: toSignal(options) }
    await new Promise<void>((resolve, reject) => transferRange(handle.queue, at, count, plan, resolve, reject))
  }

  /** How much of a range is in memory, in pages. Reads nothing. */
  async residency(offset: Offset = 0, length?: number): Promise<Residency> {
    const handle = MappedFile.#own(this)
    const { native, at, count } = handle.part(offset, length)
    const { pages, resident, mapped, pageSize } = await handle.queue.run(inAnyCase =>
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
    const handle = MappedFile.#own(this)
    const { at, count } = handle.part(offset, length)
    await adviseRange(handle.queue, toAdvice(advice), at, count)
  }

  /**
   * Brings a range into memory and pins its pages, so that no later read, view or touch of it can wait for the disk. Counted:
   * pages stay until each lock of each handle was taken back, by {@link unlock}, {@link close} or garbage collection. Rejects
   * with ENOMEM or EPERM past RLIMIT_MEMLOCK; then nothing of the range is locked. What the file is cut by is not locked any
   * more. Takes the lock of the address space for writing, for a moment per 8 MiB.
   */
  async lock(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    const { at, count } = handle.part(offset, length)
    handle.noteLock()
    await lockRange(handle.queue, at, count, () => handle.open())
  }

  /** Takes back one {@link lock} of each page of the range; where this handle has none, nothing happens. */
  async unlock(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    const native = handle.open()
    const at = toOffset(offset)
    const count = length === undefined ? undefined : toLength(length)
    await handle.queue.run(inAnyCase => native.unlock(inAnyCase, at, count))
  }

  /**
   * Mode 'r+': writes all of `data` at `offset`, and makes the file grow where it must. Resolves to the bytes written, when
   * every read, view and handle sees them; {@link flush} brings them to the device. Up to 1 MiB is taken before the call
   * returns, the rest piece by piece: leave longer data alone until the promise settles (data that is made smaller or
   * transferred before that rejects with ERR_OUT_OF_RANGE). Rejects with the system's code (`ENOSPC`) and the range that was
   * not written; what is before it was. Rejects with EBADF in mode 'r'.
   */
  async write(data: ArrayBufferView, offset: Offset): Promise<number> {
    const handle = MappedFile.#own(this)
    handle.open()
    const bytes = toBytes(data, 'data')
    const at = toOffset(offset)
    const count = sizeOf(bytes)
    toOffset(at + count, 'offset + data.byteLength')
    try {
      await writeBytes(handle.queue, bytes, at)
    } finally {
      // Also when only a part could be written.
      if (handle.mode === 'r+') await handle.renew(false, at + count)
    }
    return count
  }

  /**
   * Mode 'r+': resolves when all that was written to the range before, by {@link write} or through views, is on the device.
   * Rejects with ENOSPC, EIO or ERR_FILE_TRUNCATED, and the range, where any of it was lost, and goes on to do so until
   * {@link refresh}, which connects views made from then on with the file again. Rejects with EBADF in mode 'r'.
   */
  async flush(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    const { native, at, count } = handle.part(offset, length)
    await handle.queue.run(inAnyCase => native.flush(inAnyCase, at, count))
  }

  /**
   * Looks at the file again: what it has grown by can be read, what was cut is gone, damage is recovered from. Resolves to
   * {@link byteLength}. Views made before stay as they are.
   */
  async refresh(): Promise<number> {
    const handle = MappedFile.#own(this)
    handle.open()
    await handle.renew(true)
    return handle.byteLength
  }

  /**
   * Refuses new calls, rejects reads not yet begun with ERR_FILE_CLOSED, and waits for those begun. Twice is fine. Memory
   * goes when the last view has gone.
   */
  async close(): Promise<void> {
    return MappedFile.#own(this).close()
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    MappedFile.#own(this)
    return this.close()
  }

  // A method may be called on anything, or taken off its handle. The language refuses that too, but without a code.
  static #own(self: unknown): Handle {
    if (typeof self === 'object' && self !== null && #handle in self) return self.#handle
    throw invalidThis('MappedFile', self)
  }
}
