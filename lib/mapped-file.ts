// MappedFile: an open, mapped file, its reads and its views.

import { Buffer } from 'node:buffer'
import type { BigIntStats, Stats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { createInterface, type Interface } from 'node:readline'
import type { ReadableStream } from 'node:stream/web'
import { Descriptor, type NativeFile, openFile } from '#binding'
import {
  type ByteRange,
  type Cancellable,
  checkOptions,
  cutAtEnd,
  descriptorOf,
  fileHandleCall,
  mustFit,
  noMore,
  type Offset,
  type Source,
  toLength,
  toOffset,
  toPath,
  toSignal,
} from './arguments.js'
import { type ChunkOptions, chunks } from './chunks.js'
import { appendsOnly, invalidArgType, invalidArgValue, invalidThis } from './errors.js'
import { isAppending, isWritable, type OpenFlags, toCreation, toFlags } from './flags.js'
import { type FollowOptions, follow } from './follow.js'
import { Handle } from './handle.js'
import { option } from './language.js'
import { type Advice, adviseRange, evictRange, lockRange, toAdvice } from './locking.js'
import { allOrFirstFailure, type RecordOffsets } from './many-arguments.js'
import { allocate, resultMemory, takeBack } from './memory.js'
import { mustBeAllowed } from './permission.js'
import { onPool } from './pool.js'
import { readAll, readRecords } from './read-many.js'
import { copyOf, fill, fillTarget } from './read-range.js'
import { tryCopy } from './reader.js'
import { countResidency, type Residency } from './residency.js'
import { toShared } from './shared.js'
import { type StatOptions, statOf } from './stat.js'
import { MappedReadStream, type StreamOptions } from './stream.js'
import { sizeOf, toBytes } from './targets.js'
import { type Plan, transferRange } from './transfer.js'
import { answerFree } from './turn-budget.js'
import { type ArrayOver, type ArrayType, isTyped, type TypedViewOptions, typedView } from './typed-views.js'
import { readyView, viewOf } from './views.js'
import { type WebStreamOptions, webStream } from './web-stream.js'
import { writeBytes } from './writing.js'

/** How to open a file. */
export interface OpenOptions extends Cancellable {
  /** As in node:fs; `'r'` by default. */
  flags?: OpenFlags | undefined
  /** Permissions of a file that is made, as in node:fs: a number or an octal string, reduced by the umask. `0o666` by default. */
  mode?: number | string | undefined
  /**
   * `true`: views are over one SharedArrayBuffer for the whole file. Posting a view to a worker shares it, and copies nothing; what one
   * thread writes to it, all see. False by default.
   */
  shared?: boolean | undefined
}

/** What views are over: a SharedArrayBuffer where the file was opened with `shared: true`, else an ArrayBuffer. */
export type MemoryOf<Options extends OpenOptions> = unknown extends Options['shared']
  ? ArrayBuffer
  : true extends Options['shared']
    ? Options['shared'] extends true
      ? SharedArrayBuffer
      : ArrayBufferLike
    : ArrayBuffer

/** What chunks are over: as their option `shared` says, else as the views of the file. */
export type ChunkMemory<
  Options extends ChunkOptions,
  Memory extends ArrayBufferLike,
> = unknown extends Options['shared']
  ? Memory
  : Options['shared'] extends undefined
    ? Memory
    : Options['shared'] extends true
      ? SharedArrayBuffer
      : Options['shared'] extends false
        ? ArrayBuffer
        : ArrayBufferLike

/** How to close a file. */
export interface CloseOptions {
  /**
   * `true`: views end with the file. They stay valid memory, but read zeros from then on, in every thread, and what is stored to
   * them goes nowhere. False by default.
   */
  unmap?: boolean | undefined
}

const CLOSE_OPTIONS = ['unmap']
const OPEN_OPTIONS = ['flags', 'mode', 'shared', 'signal']

const INTERNAL = Symbol('MappedFile.open')

/**
 * An open file that is read through a mapping, without ever blocking the event loop. The mapping is shared by all handles
 * and workers of the process. Offsets and lengths are bytes; a range is cut at the end of the file, like `fs.read`.
 *
 * Methods that return promises always reject and never throw; `tryRead`, `tryReadInto`, `tryView` and `createReadStream` throw.
 * All of them fail with `ERR_FILE_CLOSED` after {@link close}, with `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for arguments
 * that cannot be meant, with `ERR_INVALID_THIS` where they were taken off their handle, with `ERR_FILE_TRUNCATED` where the file
 * has been cut below the range, and with the system's code (`EIO`) where the device cannot deliver the bytes.
 */
export class MappedFile<Memory extends ArrayBufferLike = ArrayBuffer> implements AsyncDisposable {
  /** Where the file was when it was opened. */
  readonly path: string
  /** How it was opened. */
  readonly flags: OpenFlags
  readonly #handle: Handle

  /** @internal */
  constructor(key: symbol, native: NativeFile, path: string, flags: OpenFlags = 'r', shared = false) {
    if (key !== INTERNAL) throw invalidArgType('key', 'left to MappedFile.open()', key)
    this.#handle = new Handle(native, path, isWritable(flags), shared)
    this.path = path
    this.flags = flags
    // What is cloned or posted would be an object with a path. Of this V8 says so, in its own words and these.
    Object.defineProperty(this, 'clone', { value: openItsPathInTheWorkerOrPostASharedView, enumerable: true })
  }

  /**
   * Opens and maps a file, and reads nothing of it. `MappedFile.open(path, 'r+')` is short for
   * `MappedFile.open(path, { flags: 'r+' })`.
   *
   * @param source a path; or a FileHandle or a descriptor, which is duplicated: the caller may close theirs at any time, and has to
   * @throws `ERR_NOT_A_FILE` for what has no bytes to map: a directory, a FIFO, a socket, a device
   * @throws the system's code (`ENOENT`, `EACCES`, `EROFS`) where it cannot be opened with these flags
   * @throws `ERR_UNSUPPORTED` for `shared: true` where this Node cannot: `capabilities().sharedViews`
   */
  static open<Options extends OpenOptions = { shared?: false }>(
    source: Source | FileHandle | number,
    options?: Options,
  ): Promise<MappedFile<MemoryOf<Options>>>
  static open(source: Source | FileHandle | number, flags: OpenFlags): Promise<MappedFile>
  static async open(
    source: Source | FileHandle | number,
    options?: OpenOptions | OpenFlags,
  ): Promise<MappedFile<ArrayBufferLike>> {
    noMore(arguments[2], 'MappedFile.open(path, options)', "MappedFile.open(path, { flags: 'w+', mode: 0o600 })")
    const given: OpenOptions | undefined = typeof options === 'string' ? { flags: options } : options
    const signal = toSignal(given, OPEN_OPTIONS)
    const flags = toFlags(option(given, 'flags', 'r'))
    const creation = toCreation(flags, option(given, 'mode'))
    const shared = toShared(option(given, 'shared', false))
    const descriptor = descriptorOf(source)
    if (descriptor !== undefined && creation) {
      throw invalidArgValue('flags', "must be 'r' or 'r+' for a file that is open already", flags)
    }
    const path = descriptor === undefined ? toPath(source) : undefined
    if (path) mustBeAllowed(path.text, isWritable(flags))
    const opened = path?.bytes ?? new Descriptor(descriptor as number)
    const native = await onPool(
      () => openFile(opened, isWritable(flags), creation),
      signal,
      unwanted => unwanted.release(),
    )
    return new MappedFile(INTERNAL, native, path?.text ?? native.path, flags, shared)
  }

  /** @internal A handle on what mmapRead() keeps mapped. */
  static of(native: NativeFile): MappedFile {
    return new MappedFile(INTERNAL, native, native.path)
  }

  /**
   * Bytes of the file: its size at open, at the last {@link refresh}, or after the last change that a handle of this process made or
   * noticed. What other processes append or cut is noticed by {@link refresh} alone.
   */
  get byteLength(): number {
    return MappedFile.#own(this).size
  }

  /**
   * `'mapped'`, or `'read'` where the file is only read by system calls: elsewhere than on Linux, in file systems that cannot map it,
   * and for files that the system makes as they are read (/proc). Everything works there, but views are copies.
   */
  get backend(): 'mapped' | 'read' {
    return MappedFile.#own(this).backend
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return MappedFile.#own(this).closed
  }

  /**
   * A copy of the range. Small and in memory: answered without the pool.
   *
   * @param offset the first byte
   * @param length bytes; the rest of the file without one
   * @returns `length` bytes, fewer only at the end of the file. A short result (up to 16 KiB) may share its memory with others, and
   *   can be transferred only where it does not; one of {@link slice} can.
   * @throws `ERR_OUT_OF_RANGE` where the range, after the cut at the end of the file, fits no Buffer
   */
  read(offset: Offset = 0, length?: number, options?: Cancellable): Promise<Buffer<ArrayBuffer>> {
    try {
      const handle = MappedFile.#own(this)
      if (arguments[3] !== undefined || typeof offset === 'object') {
        throw fileHandleCall('read(offset, length, options)', 'readInto', 'target', length, options, arguments[3])
      }
      const { offset: start, count, signal } = handle.range(offset, length, options)
      return copyOf(handle, start, count, signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Fills a target with the bytes from `offset` on. Allocates nothing that depends on the length. The target is only ever
   * written on the JS thread, and not any more once the read was aborted.
   *
   * @param target a Buffer, TypedArray or DataView; it gets as many bytes as it has, in the order of the file
   * @param offset the first byte
   * @returns the bytes written, fewer than `target.byteLength` only at the end of the file
   * @throws `ERR_OUT_OF_RANGE` where the target was resized or transferred meanwhile
   */
  readInto(target: ArrayBufferView, offset: Offset = 0, options?: Cancellable): Promise<number> {
    try {
      const handle = MappedFile.#own(this)
      handle.open()
      if (arguments[3] !== undefined || typeof options === 'number' || typeof offset === 'object') {
        throw fileHandleCall('readInto(target, offset, options)', 'readInto', 'target', offset, options, arguments[3])
      }
      const bytes = toBytes(target)
      const start = Math.min(toOffset(offset), handle.byteLength)
      const signal = options === undefined ? undefined : toSignal(options)
      return fillTarget(handle, bytes, start, cutAtEnd(handle.byteLength, start, sizeOf(bytes)), signal)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Many ranges in one trip: the disk sees them together.
   *
   * @returns copies in the order asked; short ones share their memory, as those of {@link read}
   * @throws the error of the first that failed, whose place in `ranges` is in `error.index`
   */
  async readMany(ranges: Iterable<ByteRange>, options?: Cancellable): Promise<Buffer<ArrayBuffer>[]> {
    noMore(arguments[2], 'file.readMany(ranges, options)')
    return allOrFirstFailure(await readAll(MappedFile.#own(this), ranges, options))
  }

  /**
   * The same, each range with its own outcome.
   *
   * @returns in the order asked, what `Promise.allSettled` would give of reads one by one
   * @throws `ERR_INVALID_ARG_TYPE` for what is no list; what goes wrong with a range is told in its place
   */
  async readManySettled(
    ranges: Iterable<ByteRange>,
    options?: Cancellable,
  ): Promise<PromiseSettledResult<Buffer<ArrayBuffer>>[]> {
    noMore(arguments[2], 'file.readManySettled(ranges, options)')
    return readAll(MappedFile.#own(this), ranges, options)
  }

  /**
   * Gathers records of one length, back to back, into one target: no Buffer per record.
   *
   * @param target a Buffer, TypedArray or DataView with room for all records
   * @param offsets the first byte of each record
   * @param length bytes of each record
   * @returns the bytes written; a record at the end of the file is shorter, and the next one follows it without a gap
   * @throws `ERR_OUT_OF_RANGE` where the target has no room for all of them, or was resized or transferred meanwhile
   */
  async readManyInto(
    target: ArrayBufferView,
    offsets: RecordOffsets,
    length: number,
    options?: Cancellable,
  ): Promise<number> {
    noMore(arguments[4], 'file.readManyInto(target, offsets, length, options)')
    return readRecords(MappedFile.#own(this), target, offsets, length, options)
  }

  /**
   * A copy now: never a promise, never a wait.
   *
   * @param offset the first byte
   * @param length bytes
   * @returns what {@link read} resolves to, or undefined if that could wait for the disk
   */
  tryRead(offset: Offset, length: number): Buffer<ArrayBuffer> | undefined {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.tryRead(offset, length)')
    const { offset: start, count } = handle.range(offset, length)
    const bytes = resultMemory(count)
    if (tryCopy(handle.reader, bytes, 0, start, count) !== 0) return bytes
    takeBack(bytes)
    return undefined
  }

  /**
   * The same into a target. No promise, no allocation.
   *
   * @returns the bytes written, as of {@link readInto}, or undefined if that could wait for the disk
   */
  tryReadInto(target: ArrayBufferView, offset: Offset): number | undefined {
    const handle = MappedFile.#own(this)
    handle.open()
    if (arguments[2] !== undefined || typeof offset === 'object') {
      throw fileHandleCall('tryReadInto(target, offset)', 'tryReadInto', 'target', offset, arguments[2], arguments[3])
    }
    const bytes = toBytes(target)
    const start = Math.min(toOffset(offset), handle.byteLength)
    const count = cutAtEnd(handle.byteLength, start, sizeOf(bytes))
    return tryCopy(handle.reader, bytes, 0, start, count) !== 0 ? count : undefined
  }

  /**
   * The mapped bytes themselves, no copy, faulted in before the promise resolves. With flags 'r' what is written to a view stays
   * in this handle's views: it reaches neither the file, nor any read, nor another handle. With the others it is in the file for
   * every reader at once, and on the device after {@link flush}. A view lives as long as it is referenced, also after
   * {@link close}; it cannot be transferred, and to be cloned or posted costs a copy of up to 256 MiB around it, unless the file was
   * opened with `shared: true`. Faulted in means at that moment: only {@link lock} keeps the kernel from evicting
   * the pages later, and touching them then waits for the disk. Where the file is cut short, a view reads zeros.
   *
   * @param offset the first byte
   * @param length bytes; the rest of the file without one
   * @returns a Buffer over the mapping, shorter than `length` only at the end of the file
   * @throws `ERR_UNSUPPORTED` for a file that is open for writing, where no mapped bytes can be handed out: elsewhere than on Linux, in Electron, and of a
   *   file whose {@link backend} is `'read'`. With flags 'r' a view is a copy there, which behaves the same
   */
  view(offset?: Offset, length?: number, options?: Cancellable): Promise<Buffer<Memory>>
  /**
   * The same as a typed array: `file.view(0, 4096, { as: Float32Array })`. The memory is that of the file, in the byte order of the
   * processor.
   *
   * @param offset the first byte, a multiple of the size of an element
   * @param length bytes, a multiple of that size; the rest of the file without one
   * @returns a typed array over the mapping; a part of an element at the end of the file is left out
   * @throws `ERR_OUT_OF_RANGE` where the offset or the length is no multiple of the size of an element
   */
  view<Type extends ArrayType>(
    offset: Offset | undefined,
    length: number | undefined,
    options: TypedViewOptions<Type>,
  ): Promise<ArrayOver<Type, Memory>>
  view(
    offset: Offset = 0,
    length?: number,
    options?: Cancellable,
  ): Promise<Buffer<Memory> | ArrayOver<ArrayType, Memory>> {
    try {
      const handle = MappedFile.#own(this)
      noMore(arguments[3], 'file.view(offset, length, options)')
      if (isTyped(options)) {
        return typedView(handle, offset, length, options) as Promise<ArrayOver<ArrayType, Memory>>
      }
      return viewOf(handle, handle.range(offset, length, options)) as Promise<Buffer<Memory>>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * A view now.
   *
   * @param offset the first byte
   * @param length bytes
   * @returns what {@link view} resolves to, or undefined if touching it could wait for the disk at the time of the call
   * @throws `ERR_UNSUPPORTED` as {@link view}
   */
  tryView(offset: Offset, length: number): Buffer<Memory> | undefined {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.tryView(offset, length)')
    const { offset: start, count } = handle.range(offset, length)
    return readyView(handle, start, count) as Buffer<Memory> | undefined
  }

  /**
   * Views of the whole file or of a part, in order, the next ones being faulted in while this one is used. Leaving the loop early
   * gives up what was ahead.
   *
   * @returns views of `chunkSize` bytes, the last one shorter; each step rejects as {@link view} does, or for options that make
   *   no sense
   */
  chunks<Options extends ChunkOptions = { shared?: undefined }>(
    options?: Options,
  ): AsyncIterableIterator<Buffer<ChunkMemory<Options, Memory>>> {
    const handle = MappedFile.#own(this)
    noMore(arguments[1], 'file.chunks(options)')
    return chunks(handle, options) as AsyncIterableIterator<Buffer<ChunkMemory<Options, Memory>>>
  }

  /**
   * A Readable of copies, from `start` to `end` inclusive, as in node:fs. Each chunk has memory of its own, which can be
   * transferred. The file stays open, unless `autoClose` is true.
   *
   * @throws `ERR_OUT_OF_RANGE` where `start` is past `end`, `ERR_INVALID_ARG_VALUE` for an `encoding` that is none
   */
  createReadStream(options?: StreamOptions | BufferEncoding | null): MappedReadStream {
    const handle = MappedFile.#own(this)
    noMore(arguments[1], 'file.createReadStream(options)')
    return new MappedReadStream(handle, options)
  }

  /**
   * The lines of the file, as `FileHandle.readLines()` has them.
   *
   * @param options those of {@link createReadStream}
   * @returns an async iterable of strings without line endings, and what else `readline.createInterface()` gives
   */
  readLines(options?: StreamOptions | BufferEncoding | null): Interface {
    const handle = MappedFile.#own(this)
    noMore(arguments[1], 'file.readLines(options)')
    const input = new MappedReadStream(handle, options)
    return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  }

  /**
   * A byte stream of the web, as `FileHandle.readableWebStream()` has it. The file stays open, unless `autoClose` is true.
   *
   * @throws `ERR_FILE_CLOSED` where the file is closed
   */
  readableWebStream(options?: WebStreamOptions): ReadableStream {
    const handle = MappedFile.#own(this)
    handle.open()
    noMore(arguments[1], 'file.readableWebStream(options)')
    return webStream(handle, options)
  }

  /**
   * What node:fs tells of the open file: `fs.fstat` of its descriptor.
   *
   * @param options `bigint: true` gives numbers that are bigints
   */
  stat(options?: StatOptions & { bigint?: false | undefined }): Promise<Stats>
  stat(options: StatOptions & { bigint: true }): Promise<BigIntStats>
  async stat(options?: StatOptions): Promise<Stats | BigIntStats> {
    const handle = MappedFile.#own(this)
    handle.open()
    noMore(arguments[1], 'file.stat(options)')
    return statOf(handle, options)
  }

  /**
   * The bytes that others append to the file, as they come, also when the file is rotated: after a rename by the file that has taken the
   * path, and after it was copied and cut (`copytruncate`) from its start. What was not read before the cut is read from the copy, where
   * that lies beside the file and its name begins with that of the file. A file that was renamed is read for another 10 s: its writers may
   * still have it open. `fs.watch` says when to look; without its events the file is looked at each `interval`. Bytes come as they were
   * written: `readline.createInterface({ input: Readable.from(file.follow()) })` makes lines of them.
   *
   * What is rotated away twice between two looks is lost, and so is what a copy has lost: lines that are written between the copy and the
   * cut.
   *
   * @returns copies; it goes on until it is left, the signal is aborted, or the file is closed
   */
  follow(options?: FollowOptions): AsyncIterableIterator<Buffer> {
    MappedFile.#own(this)
    noMore(arguments[1], 'file.follow(options)')
    return follow(this as MappedFile<ArrayBufferLike>, path => MappedFile.open(path), options)
  }

  /**
   * A copy that can be transferred. Positions are as in `ArrayBuffer.prototype.slice`: negative ones count from the end of the file.
   *
   * @param start the first byte
   * @param end the byte after the last; the end of the file without one
   * @returns memory of its own, of exactly the size of the range
   * @throws `ERR_OUT_OF_RANGE` where the range, after the cut at the end of the file, fits no Buffer
   */
  async slice(start: number, end?: number, options?: Cancellable): Promise<ArrayBuffer> {
    const handle = MappedFile.#own(this)
    handle.open()
    noMore(arguments[3], 'file.slice(start, end, options)')
    const signal = toSignal(options)
    const from = handle.position(start, 'start')
    const to = end === undefined ? handle.byteLength : handle.position(end, 'end')
    const count = Math.max(0, to - from)
    mustFit(handle.path, from, count)
    const memory = allocate(count)
    return fill(handle, memory, from, signal, memory.buffer)
  }

  /**
   * Brings a range into memory and into the page table, so that reads of it are answered at once.
   *
   * @param length bytes; the rest of the file without one
   */
  async prefault(offset: Offset = 0, length?: number, options?: Cancellable): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[3], 'file.prefault(offset, length, options)')
    const { offset: start, count } = handle.part(offset, length)
    const plan: Plan = { kind: 'prefault', signal: toSignal(options) }
    if (count === 0) return answerFree(undefined)
    await new Promise<void>((resolve, reject) => transferRange(handle.queue, start, count, plan, resolve, reject))
  }

  /**
   * How much of a range is in memory, in pages. Reads nothing.
   *
   * @param length bytes; the rest of the file without one
   */
  async residency(offset: Offset = 0, length?: number): Promise<Residency> {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.residency(offset, length)')
    const { offset: start, count } = handle.part(offset, length)
    return countResidency(handle, start, count)
  }

  /**
   * Tells the kernel how this handle's file will be used, through its descriptor: no other handle is affected. `'willneed'`
   * starts reading a range, `'dontneed'` takes it out of the page cache as far as it is clean and mapped by nobody (what
   * reads have copied from stays mapped as long as a handle is open). `'random'`, `'sequential'` and `'normal'` are about the whole
   * file, whatever the range, and say what the touch of a page of a view that is not in memory brings along: nothing, twice as
   * much as usual, or as much as the read-ahead of the disk says. Reads of ours ask for exactly what they need in any case.
   *
   * @param length bytes; the rest of the file without one
   * @throws `ERR_INVALID_ARG_VALUE` for an advice that there is none of
   */
  async advise(advice: Advice, offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[3], 'file.advise(advice, offset, length)')
    const { offset: start, count } = handle.part(offset, length)
    await adviseRange(handle.queue, toAdvice(advice), start, count)
  }

  /**
   * Takes a range out of memory, the opposite of {@link prefault}: out of this process at once, views of it included, and out of the
   * page cache as far as it is clean and mapped by no other process. Views stay valid, and the next touch of one reads from the
   * disk, on the thread that touches it. Only whole pages go. Locked pages stay, and so does what was written to views in mode 'r';
   * what is written there meanwhile may be lost.
   *
   * @param length bytes; the rest of the file without one
   */
  async evict(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.evict(offset, length)')
    const { offset: start, count } = handle.part(offset, length)
    await evictRange(handle.queue, start, count)
  }

  /**
   * Brings a range into memory and pins its pages, so that no later read, view or touch of it can wait for the disk. Counted:
   * pages stay until each lock of each handle was taken back, by {@link unlock}, {@link close} or garbage collection. What the
   * file is cut by is not locked any more. Takes the lock of the address space for writing, for a moment per 8 MiB.
   *
   * @param length bytes; the rest of the file without one
   * @throws `ENOMEM` or `EPERM` past RLIMIT_MEMLOCK, the limit of the memory cgroup, or a quarter of `vm.max_map_count` in separate
   *   runs of pages; then nothing of the range is locked
   * @throws `ERR_UNSUPPORTED` where the file is read, not mapped
   */
  async lock(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.lock(offset, length)')
    const { offset: start, count } = handle.part(offset, length)
    handle.noteLock()
    await lockRange(handle.queue, start, count, () => handle.open())
  }

  /**
   * Takes back one {@link lock} of each page of the range; where this handle has none, nothing happens.
   *
   * @param length bytes; all from `offset` on without one
   */
  async unlock(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    const native = handle.open()
    noMore(arguments[2], 'file.unlock(offset, length)')
    const start = toOffset(offset)
    const count = length === undefined ? undefined : toLength(length)
    await handle.queue.run(() => native.unlock(start, count))
  }

  /**
   * Writes all of `data` at `offset`, and makes the file grow where it must. Once it resolves, every read, view and
   * handle sees the bytes; {@link flush} brings them to the device. Up to 1 MiB is taken before the call returns, the rest piece
   * by piece: leave longer data alone until the promise settles.
   *
   * @param data a Buffer, TypedArray or DataView, or a string, which is written as UTF-8
   * @param offset where the first byte goes; past the end, zeros are between
   * @returns the bytes written: all of them
   * @throws the system's code (`ENOSPC`) and the range that was not written; what is before it was
   * @throws `ERR_OUT_OF_RANGE` where the data was made smaller or transferred meanwhile
   * @throws `EBADF` where the file is open for reading only, or for appending
   */
  async write(data: ArrayBufferView | string, offset: Offset): Promise<number> {
    const handle = MappedFile.#own(this)
    handle.open()
    if (arguments[2] !== undefined || typeof offset === 'object') {
      throw fileHandleCall('write(data, offset)', 'write', 'data', offset, arguments[2], arguments[3])
    }
    if (isAppending(this.flags)) throw appendsOnly(handle.path, this.flags)
    const bytes = toData(data)
    const start = toOffset(offset)
    const count = sizeOf(bytes)
    toOffset(start + count, 'offset + data.byteLength')
    try {
      await writeBytes(handle.queue, bytes, start)
    } finally {
      // Also when only a part could be written.
      if (handle.writable) await handle.reach(start + count)
    }
    return count
  }

  /**
   * Writes `data` at the end of the file, wherever that is by then. Appends of one handle are written in the order of the calls. Nothing
   * that this process appends goes between the bytes of one call, and on Linux, on a local file system, nothing that other processes
   * append does. The data is taken before the call returns. Once it resolves, every handle of this process sees the bytes.
   *
   * @param data a Buffer, TypedArray or DataView, or a string, which is written as UTF-8
   * @returns the offset of its first byte
   * @throws the system's code (`ENOSPC`) and the range that was not written; a part of the data may have been
   * @throws `EBADF` where the file is open for reading only
   */
  async append(data: ArrayBufferView | string): Promise<number> {
    const handle = MappedFile.#own(this)
    handle.open()
    noMore(arguments[1], 'file.append(data)')
    return handle.appends.add(toData(data))
  }

  /**
   * Gives the file this length: cuts it, or adds zeros. Every handle of this process sees the new length once it resolves. A view of what
   * was cut reads zeros.
   *
   * @param length bytes; 0 by default, as in node:fs
   * @throws the system's code (`EFBIG`, `ENOSPC`)
   * @throws `EBADF` where the file is open for reading only
   */
  async truncate(length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    const native = handle.open()
    noMore(arguments[1], 'file.truncate(length)')
    const size = length === undefined ? 0 : toLength(length)
    await handle.queue.run(() => native.truncate(size))
    handle.catchUp()
    if (handle.byteLength !== size) await handle.renew(false)
  }

  /**
   * Has the file system allocate the first `length` bytes of the file, so that no later write to them fails for lack of space. The size
   * of the file stays as it is. Linux only.
   *
   * @throws the system's code (`ENOSPC`, `EOPNOTSUPP` where the file system cannot)
   * @throws `ERR_UNSUPPORTED` elsewhere than on Linux
   * @throws `EBADF` where the file is open for reading only
   */
  async reserve(length: number): Promise<void> {
    const handle = MappedFile.#own(this)
    const native = handle.open()
    noMore(arguments[1], 'file.reserve(length)')
    const size = toLength(length)
    await handle.queue.run(() => native.reserve(size))
  }

  /**
   * Resolves when all that was written to the range before, by {@link write} or through views, is on the device.
   *
   * @param length bytes; the rest of the file without one
   * @throws `ENOSPC`, `EIO` or `ERR_FILE_TRUNCATED`, and the range, where any of it was lost, and goes on to do so until
   *   {@link refresh}, which connects views made from then on with the file again
   * @throws `EBADF` where the file is open for reading only
   */
  async flush(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.flush(offset, length)')
    const { native, offset: start, count } = handle.part(offset, length)
    await handle.queue.run(() => native.flush(start, count))
  }

  /**
   * Looks at the file again: what it has grown by can be read, what was cut is gone, damage is recovered from. Views made before
   * stay as they are.
   *
   * @returns the new {@link byteLength}
   */
  async refresh(): Promise<number> {
    const handle = MappedFile.#own(this)
    handle.open()
    noMore(arguments[0], 'file.refresh()')
    await handle.renew(true)
    // It may have been closed before it came to its turn.
    handle.open()
    return handle.byteLength
  }

  /**
   * Refuses new calls, rejects reads not yet begun with `ERR_FILE_CLOSED`, and waits for those begun. Twice is fine. Mapped memory
   * and the descriptor go when the last view has been collected as garbage; with `unmap: true`, before this resolves.
   *
   * @throws `ERR_FILE_CLOSED` for `unmap: true` where the file was closed without
   */
  async close(options?: CloseOptions): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[1], 'file.close(options)')
    if (options !== undefined) checkOptions(options, CLOSE_OPTIONS)
    const unmap = option(options, 'unmap', false)
    if (typeof unmap !== 'boolean') throw invalidArgType('options.unmap', 'of type boolean', unmap)
    return handle.close(unmap)
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

/** What is to be written: memory, or text as UTF-8. */
function toData(data: unknown): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : toBytes(data, 'data')
}

function openItsPathInTheWorkerOrPostASharedView() {}
