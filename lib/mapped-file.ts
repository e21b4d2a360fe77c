// MappedFile: an open file, with its reads, views and writes.

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
  mustFit,
  noMore,
  type Offset,
  SIGNAL_ALONE,
  type Source,
  toLength,
  toOffset,
  toPath,
  toSignal,
  withCall,
} from './arguments.js'
import { CHUNK_OPTIONS, type ChunkOptions, chunks } from './chunks.js'
import {
  addFrames,
  appendsOnly,
  framesAbove,
  illegalConstructor,
  invalidArgType,
  invalidArgValue,
  invalidThis,
  wrongCall,
} from './errors.js'
import { isAppending, isWritable, type OpenFlags, toCreation, toFlags } from './flags.js'
import {
  type FollowedBytes,
  type FollowedLine,
  type FollowOptions,
  follow,
  followLines,
  openWhenItExists,
} from './follow.js'
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
import { MappedReadStream, STREAM_OPTIONS, type StreamOptions, toBoolean } from './stream.js'
import { sizeOf, toBytes } from './targets.js'
import { type Plan, transferRange } from './transfer.js'
import { answerFree } from './turn-budget.js'
import { type ArrayOver, type ArrayType, isTyped, type TypedViewOptions, typedView } from './typed-views.js'
import { readyView, viewOf } from './views.js'
import { type WebStreamOptions, webStream } from './web-stream.js'
import { writeBytes } from './writing.js'
import { intoCall, openCall, rangeOptions, readCall, writeCall } from './wrong-calls.js'

/** How to open a file. */
export interface OpenOptions extends Cancellable {
  /** Flags as in node:fs; `'r'` by default. */
  flags?: OpenFlags | undefined
  /**
   * Permissions of a new file, as in node:fs: a number or an octal string, reduced by the umask. `0o666` by default.
   */
  mode?: number | string | undefined
  /**
   * `true`: views are over one SharedArrayBuffer for the whole file. Posting a view to a worker shares it without a
   * copy: every thread sees the stores of the others. False by default.
   */
  shared?: boolean | undefined
  /** `true`: waits until the file exists, instead of rejecting with `ENOENT`. False by default. */
  wait?: boolean | undefined
}

/** The memory of views: a SharedArrayBuffer where the file was opened with `shared: true`, otherwise an ArrayBuffer. */
export type MemoryOf<Options extends OpenOptions> = unknown extends Options['shared']
  ? ArrayBuffer
  : true extends Options['shared']
    ? Options['shared'] extends true
      ? SharedArrayBuffer
      : ArrayBufferLike
    : ArrayBuffer

/** A result for each range: a tuple for a list of known length, otherwise an array. */
export type ForEach<Ranges, Result> = Ranges extends readonly unknown[]
  ? { -readonly [Index in keyof Ranges]: Result }
  : Result[]

/** The memory of chunks: it depends on their option `shared`, and by default is that of the file's views. */
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
   * `true`: close() also unmaps the views. They stay valid memory, but read zeros in every thread from then on, and
   * stores to them are lost. False by default.
   */
  unmap?: boolean | undefined
}

const CLOSE_OPTIONS = ['unmap']
const OPEN_OPTIONS = ['flags', 'mode', 'shared', 'wait', 'signal']
const READ = 'file.read(offset, length, options)'

const INTERNAL = Symbol('MappedFile.open')

const NOT_CLONED = Symbol(
  'a MappedFile; instead, open its path in the worker, or post a view of a file opened with shared: true',
)

const OPEN_SOURCES = 'of type string (a path) or number (a descriptor), or an instance of Buffer, URL or FileHandle'

/**
 * An open file that is read through a mapping, without blocking the event loop. All handles and workers of the process
 * share the mapping. Offsets and lengths are in bytes. A range that reaches past the end of the file is shortened, as
 * with `fs.read`.
 *
 * Open a file once, and keep it open: opening it takes far longer than a short read. Methods that return promises
 * reject and never throw. All other methods throw. All of them can fail with these errors:
 *
 * - `ERR_FILE_CLOSED` after {@link close}
 * - `ERR_INVALID_ARG_TYPE` or `ERR_OUT_OF_RANGE` for invalid arguments
 * - `ERR_INVALID_THIS` for a method that is called without its object
 * - `ERR_FILE_TRUNCATED` where the file was truncated below the range
 * - the code of the operating system (`EIO`) where the device cannot deliver the bytes
 */
export class MappedFile<Memory extends ArrayBufferLike = ArrayBufferLike> implements AsyncDisposable {
  /** The path of the file when it was opened. */
  readonly path: string
  /** The flags with which the file was opened. */
  readonly flags: OpenFlags
  readonly #handle: Handle

  /** @internal */
  constructor(key: symbol, native: NativeFile, path: string, flags: OpenFlags = 'r', shared = false) {
    if (key !== INTERNAL) throw illegalConstructor('MappedFile', 'await MappedFile.open(path)')
    this.#handle = new Handle(native, path, isWritable(flags), shared)
    this.path = path
    this.flags = flags
    // A clone would be an object with a path and nothing else. V8 refuses to clone an object that has a symbol, and its
    // error quotes the text of the symbol.
    Object.defineProperty(this, 'clone', { value: NOT_CLONED, enumerable: true })
  }

  /**
   * Opens and maps a file without reading it. `MappedFile.open(path, 'r+')` is short for
   * `MappedFile.open(path, { flags: 'r+' })`.
   *
   * @param source a path, a FileHandle or a descriptor. A FileHandle or descriptor is duplicated: the caller still has
   *   to close its own, and may do so at any time
   * @throws `ERR_NOT_A_FILE` for a directory, FIFO, socket or device, which cannot be mapped; with flags other than
   *   `'r'` also for a file that the kernel generates (/proc, /sys)
   * @throws the code of the operating system (`ENOENT`, `EACCES`, `EROFS`) where the file cannot be opened with these
   *   flags
   * @throws `ERR_UNSUPPORTED` for `shared: true` where this version of Node does not support it: see
   *   `capabilities().sharedViews`
   */
  static open(source: Source | FileHandle | number, flags: OpenFlags): Promise<MappedFile<ArrayBuffer>>
  static open<Options extends OpenOptions = { shared?: false }>(
    source: Source | FileHandle | number,
    options?: Options,
  ): Promise<MappedFile<MemoryOf<Options>>>
  static async open(source: Source | FileHandle | number, options?: OpenOptions | OpenFlags): Promise<MappedFile> {
    const isFlags = typeof options === 'string' || typeof options === 'number'
    const given: OpenOptions | undefined = isFlags ? { flags: options } : options
    const signal = toSignal(given, OPEN_OPTIONS)
    const flags = toFlags(option(given, 'flags', 'r'))
    if (arguments[2] !== undefined) {
      const call = openCall(source, options, arguments[2], toCreation(flags, undefined) !== undefined)
      throw wrongCall('MappedFile.open(path, options)', call)
    }
    const creation = toCreation(flags, option(given, 'mode'))
    const shared = toShared(option(given, 'shared', false))
    const waits = toBoolean(option(given, 'wait', false), 'options.wait')
    const descriptor = descriptorOf(source)
    if (descriptor !== undefined && creation) {
      throw invalidArgValue('flags', "must be 'r' or 'r+' for a file that is open already", flags)
    }
    const path = descriptor === undefined ? toPath(source, OPEN_SOURCES) : undefined
    if (path) mustBeAllowed(path.text, isWritable(flags))
    const opened = path?.bytes ?? new Descriptor(descriptor as number)
    // The stack of the call, for the errors of the job. Later it has the caller only where the caller uses `await`.
    const here = framesAbove(MappedFile.open)
    try {
      const open = () =>
        onPool(
          () => openFile(opened, isWritable(flags), creation),
          signal,
          unwanted => unwanted.release(),
        )
      const native = await (path && waits ? openWhenItExists(path.text, open, signal) : open())
      return new MappedFile(INTERNAL, native, path?.text ?? native.path, flags, shared)
    } catch (error) {
      if (error !== signal?.reason) addFrames(error, here)
      throw error
    }
  }

  /** @internal A MappedFile over a file that mmapRead() keeps mapped. */
  static of(native: NativeFile): MappedFile<ArrayBuffer> {
    return new MappedFile(INTERNAL, native, native.path)
  }

  /**
   * The size of the file in bytes: at open, at the last {@link refresh} of a handle of this process, or after the last
   * change that one of them made. Only {@link refresh} notices changes by other processes, or by node:fs in this one. A
   * read that rejects with `ERR_FILE_TRUNCATED` changes nothing, so that further reads reject too.
   */
  get byteLength(): number {
    return MappedFile.#own(this).size
  }

  /**
   * `'mapped'`, or `'read'` where the file is read by system calls only: on platforms other than Linux, on file systems
   * that cannot map it, and for files that the kernel generates as they are read (/proc). Reads and writes work there
   * too, but views are copies.
   */
  get backend(): 'mapped' | 'read' {
    return MappedFile.#own(this).backend
  }

  /**
   * Whether views of this handle have lost bytes since it was opened or last refreshed: the file was truncated, or its
   * device failed, and a thread touched the lost bytes. Such views show zeros there for good, also where the file has
   * grown again; call {@link refresh} and make new ones. The first call on the handle after a loss also emits a warning
   * with the code `FAULTLESS_VIEWS_LOST`, once for each file and thread.
   */
  get viewsLost(): boolean {
    return MappedFile.#own(this).viewsLost
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return MappedFile.#own(this).closed
  }

  /**
   * Reads a copy of the range. A short range that is in memory is copied on the JS thread, without the thread pool.
   *
   * @param offset the first byte
   * @param length bytes; the rest of the file by default
   * @returns `length` bytes, fewer only at the end of the file. A result of up to 16 KiB may share its memory with
   *   other results, and then cannot be transferred; a result of {@link slice} always can
   * @throws `ERR_OUT_OF_RANGE` where the range, shortened at the end of the file, does not fit into a Buffer
   */
  read(offset: Offset = 0, length?: number, options?: Cancellable): Promise<Buffer<ArrayBuffer>> {
    try {
      const handle = MappedFile.#own(this)
      noMore(arguments[3], READ)
      const { offset: start, count, signal } = handle.range(offset, length, options)
      return copyOf(handle, start, count, signal)
    } catch (error) {
      return Promise.reject(withCall(error, READ, () => readCall('file.read(', arguments, SIGNAL_ALONE)))
    }
  }

  /**
   * Fills a target with the bytes from `offset` on. The memory that it allocates does not depend on the length. The
   * target is written on the JS thread only, and never after the read was aborted.
   *
   * @param target a Buffer, TypedArray or DataView; the read has as many bytes as the target, in the order of the file
   * @param offset the first byte
   * @returns the number of bytes written, fewer than `target.byteLength` only at the end of the file
   * @throws `ERR_OUT_OF_RANGE` where the target was resized or transferred during the read
   */
  readInto(target: ArrayBufferView, offset: Offset = 0, options?: Cancellable): Promise<number> {
    try {
      const handle = MappedFile.#own(this)
      handle.open()
      if (arguments[3] !== undefined || typeof options === 'number' || typeof offset === 'object') {
        const call = intoCall('readInto', offset, options, arguments[3])
        throw wrongCall('file.readInto(target, offset, options)', call)
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
   * Reads many ranges in one call. The disk gets their requests together.
   *
   * @returns copies in the order of `ranges`; short ones share their memory, as the results of {@link read} do
   * @throws the error of the first range that failed; `error.index` is the index of that range
   */
  async readMany<const Ranges extends Iterable<ByteRange>>(
    ranges: Ranges,
    options?: Cancellable,
  ): Promise<ForEach<Ranges, Buffer<ArrayBuffer>>> {
    noMore(arguments[2], 'file.readMany(ranges, options)')
    return allOrFirstFailure(await readAll(MappedFile.#own(this), ranges, options)) as never
  }

  /**
   * Reads many ranges, as {@link readMany} does, with an outcome for each of them.
   *
   * @returns the outcomes in the order of `ranges`, as `Promise.allSettled` gives them
   * @throws `ERR_INVALID_ARG_TYPE` where `ranges` is not iterable. An invalid range does not throw: its outcome is a
   *   rejection
   */
  async readManySettled<const Ranges extends Iterable<ByteRange>>(
    ranges: Ranges,
    options?: Cancellable,
  ): Promise<ForEach<Ranges, PromiseSettledResult<Buffer<ArrayBuffer>>>> {
    noMore(arguments[2], 'file.readManySettled(ranges, options)')
    return readAll(MappedFile.#own(this), ranges, options) as never
  }

  /**
   * Reads records of one length into one target, back to back, without a Buffer per record.
   *
   * @param target a Buffer, TypedArray or DataView that is large enough for all records
   * @param offsets the first byte of each record
   * @param length bytes of each record
   * @returns the number of bytes written; a record at the end of the file is shorter, and the next one follows it
   *   without a gap
   * @throws `ERR_OUT_OF_RANGE` where the target is too small for all records, or was resized or transferred during the
   *   read
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
   * Returns a copy of the range at once, or undefined where that could wait for the disk.
   *
   * @param offset the first byte
   * @param length bytes; the rest of the file by default
   * @returns the Buffer that {@link read} resolves to, or undefined if the read could wait for the disk
   */
  tryRead(offset: Offset = 0, length?: number): Buffer<ArrayBuffer> | undefined {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.tryRead(offset, length)')
    const { offset: start, count } = handle.range(offset, length)
    const bytes = resultMemory(count)
    if (tryCopy(handle.reader, bytes, 0, start, count) !== 0) return bytes
    takeBack(bytes)
    return undefined
  }

  /**
   * Fills a target at once, or returns undefined where that could wait for the disk. It makes no promise and allocates
   * nothing.
   *
   * @returns the number of bytes written, as {@link readInto} counts them, or undefined if the read could wait for the
   *   disk
   */
  tryReadInto(target: ArrayBufferView, offset: Offset): number | undefined {
    const handle = MappedFile.#own(this)
    handle.open()
    if (arguments[2] !== undefined || typeof offset === 'object') {
      const call = intoCall('tryReadInto', offset, arguments[2], arguments[3])
      throw wrongCall('file.tryReadInto(target, offset)', call)
    }
    const bytes = toBytes(target)
    const start = Math.min(toOffset(offset), handle.byteLength)
    const count = cutAtEnd(handle.byteLength, start, sizeOf(bytes))
    return tryCopy(handle.reader, bytes, 0, start, count) !== 0 ? count : undefined
  }

  /**
   * The mapped bytes themselves, without a copy. They are faulted in before the promise resolves.
   *
   * With flags `'r'`, stores to a view stay in the views of this handle: the file, all reads and all other handles
   * never see them. With other flags, every reader of the file sees a store at once, and {@link flush} brings it to the
   * device. After a store to a view of flags `'r'`, the page no longer follows changes of the file.
   *
   * A view stays valid as long as it is referenced, also after {@link close}. Cloning or posting it copies it, and up to
   * 256 MiB around it, unless the file was opened with `shared: true`: then every thread has the same memory, and sees
   * the stores of the others. A view must not be transferred: `postMessage(view, [view.buffer])` throws, or copies on
   * Node 20; a byte stream and `ArrayBuffer.prototype.transfer()` also take other views, with the warning
   * `FAULTLESS_VIEWS_DETACHED`.
   *
   * Where the file is truncated, JavaScript sees zeros in a view. A system call that reads the bytes itself, such as
   * `fs.write(fd, view)` or a socket, fails with `EFAULT`; or it writes zeros, where JavaScript has touched the bytes
   * before. The zeros stay, also where the file grows again: {@link viewsLost} is true then, and a new view is right. Replace
   * files by a rename, not in place.
   *
   * The kernel may evict the pages again after the promise has resolved. Touching them then waits for the disk; only
   * {@link lock} prevents that.
   *
   * @param offset the first byte
   * @param length bytes; the rest of the file by default
   * @returns a Buffer over the mapping, shorter than `length` only at the end of the file
   * @throws `ERR_UNSUPPORTED` for a file that is open for writing, where mapped bytes cannot be handed out: on
   *   platforms other than Linux, in Electron, and where {@link backend} is `'read'`. With flags `'r'`, a view is a
   *   copy there and behaves the same
   */
  view(offset?: Offset, length?: number, options?: Cancellable): Promise<Buffer<Memory>>
  /**
   * A view as a typed array: `file.view(0, 4096, { as: Float32Array })`. It is over the bytes of the file, in the byte
   * order of the processor.
   *
   * @param offset the first byte, a multiple of the size of an element
   * @param length bytes, a multiple of that size; the rest of the file by default
   * @returns a typed array over the mapping; an incomplete element at the end of the file is left out
   * @throws `ERR_INVALID_ARG_TYPE` where `as` is no class of typed arrays, or one that this version of Node does not have
   * @throws `ERR_OUT_OF_RANGE` where the offset or the length is not a multiple of the size of an element
   */
  view<Type extends ArrayType>(
    offset: Offset | undefined,
    length: number | undefined,
    options: TypedViewOptions<Type>,
  ): Promise<ArrayOver<Type, Memory>>
  /** A view of the whole file as a typed array: `file.view({ as: Float32Array })`. */
  view<Type extends ArrayType>(options: TypedViewOptions<Type>): Promise<ArrayOver<Type, Memory>>
  view(
    offset: Offset | TypedViewOptions<ArrayType> = 0,
    length?: number,
    options?: Cancellable,
  ): Promise<Buffer<Memory> | ArrayOver<ArrayType, Memory>> {
    try {
      const handle = MappedFile.#own(this)
      noMore(arguments[3], 'file.view(offset, length, options)')
      if (length === undefined && options === undefined && isTyped(offset)) {
        return typedView(handle, 0, undefined, offset) as Promise<ArrayOver<ArrayType, Memory>>
      }
      if (isTyped(options)) {
        return typedView(handle, offset, length, options) as Promise<ArrayOver<ArrayType, Memory>>
      }
      return viewOf(handle, handle.range(offset, length, options)) as Promise<Buffer<Memory>>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Returns a view at once, or undefined where touching it could wait for the disk.
   *
   * @param offset the first byte
   * @param length bytes; the rest of the file by default
   * @returns the Buffer that {@link view} resolves to, or undefined if touching it could wait for the disk at the time
   *   of the call
   * @throws `ERR_UNSUPPORTED` as {@link view} does
   */
  tryView(offset: Offset = 0, length?: number): Buffer<Memory> | undefined {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.tryView(offset, length)')
    const { offset: start, count } = handle.range(offset, length)
    return readyView(handle, start, count) as Buffer<Memory> | undefined
  }

  /**
   * Yields views of the whole file or of a part, in order. The next views are faulted in while the current one is used.
   * Leaving the loop early cancels the work ahead.
   *
   * The file is checked before and after each chunk, also after the last one: where it was truncated, the loop rejects
   * with `ERR_FILE_TRUNCATED`. A chunk that was handed out can still turn into zeros while it is used. Data that leaves
   * the process before the next check, such as a network response, needs copies: {@link createReadStream} or
   * {@link read}.
   *
   * @returns views of `chunkSize` bytes, the last one shorter; each step rejects as {@link view} does, or for invalid
   *   options
   */
  chunks<Options extends ChunkOptions = { shared?: undefined }>(
    options?: Options,
  ): AsyncIterableIterator<Buffer<ChunkMemory<Options, Memory>>> {
    const handle = MappedFile.#own(this)
    refuseRange('chunks', arguments, CHUNK_OPTIONS, 0)
    return chunks(handle, options) as AsyncIterableIterator<Buffer<ChunkMemory<Options, Memory>>>
  }

  /**
   * A Readable of copies, from `start` to `end` inclusive, as in node:fs. Each chunk has memory of its own and can be
   * transferred. The file stays open, unless `autoClose` is true. Where the file is truncated before the stream has
   * read its range, the stream fails with `ERR_FILE_TRUNCATED`; a stream of node:fs ends there.
   *
   * @throws `ERR_OUT_OF_RANGE` where `start` is greater than `end`, `ERR_INVALID_ARG_VALUE` for an unknown `encoding`
   */
  createReadStream(options?: StreamOptions | BufferEncoding | null): MappedReadStream {
    const handle = MappedFile.#own(this)
    refuseRange('createReadStream', arguments, STREAM_OPTIONS, 1)
    return new MappedReadStream(handle, options)
  }

  /**
   * The lines of the file, as `FileHandle.readLines()` gives them.
   *
   * @param options the options of {@link createReadStream}
   * @returns an async iterable of strings without line endings: the Interface of `readline.createInterface()`
   */
  readLines(options?: StreamOptions | BufferEncoding | null): Interface {
    const handle = MappedFile.#own(this)
    refuseRange('readLines', arguments, STREAM_OPTIONS, 1)
    const input = new MappedReadStream(handle, options)
    return createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  }

  /**
   * A web byte stream, as `FileHandle.readableWebStream()` gives it. The file stays open, unless `autoClose` is true.
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
   * The status of the open file, as `fs.fstat` of its descriptor gives it.
   *
   * @param options `bigint: true` gives numbers as bigints
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
   * Yields the bytes that others append to the file, also across log rotation. Each part has its offset and the number
   * of its file. The bytes of one file come in order, and all of them come before the bytes of the next file.
   *
   * - After a rename, it continues with the new file at the path. It still reads the renamed file, because its writers
   *   may have it open, until that file has not changed for `linger` milliseconds and the new file has bytes.
   * - After a copy and truncation (`copytruncate`), it continues at the start of the file. Bytes that were not read before
   *   the truncation are read from the copy, which must be in the same folder, and whose name must begin with the name
   *   of the file.
   *
   * `fs.watch` reports changes; without its events the file is checked every `interval`. To follow a file that does not
   * exist yet, open it with `wait: true`, and follow it with `start: 0`.
   *
   * Bytes are lost where the file is rotated twice between two checks, where a renamed file is written to later, and
   * where the file is written to between the copy and the truncation.
   *
   * @returns parts of up to 64 KiB. The iteration ends when the loop is left. It rejects with the reason of the signal,
   *   or with `ERR_FILE_CLOSED` at the check after {@link close}
   */
  follow(options?: FollowOptions): AsyncIterableIterator<FollowedBytes> {
    MappedFile.#own(this)
    noMore(arguments[1], 'file.follow(options)')
    return follow(this, path => MappedFile.open(path), options)
  }

  /**
   * Yields the lines that others append to the file, as {@link follow} yields bytes. Lines of two files are never joined:
   * an incomplete last line is yielded when the next file begins.
   *
   * @returns lines without their line endings, each with its offset and the number of its file; it ends as
   *   {@link follow} does
   */
  followLines(options?: FollowOptions): AsyncIterableIterator<FollowedLine> {
    MappedFile.#own(this)
    noMore(arguments[1], 'file.followLines(options)')
    return followLines(this, path => MappedFile.open(path), options)
  }

  /**
   * A copy that can be transferred. Positions are as in `ArrayBuffer.prototype.slice`: negative ones count from the end
   * of the file.
   *
   * @param start the first byte
   * @param end the byte after the last; the end of the file by default
   * @returns memory of its own, of exactly the size of the range
   * @throws `ERR_OUT_OF_RANGE` where the range, shortened at the end of the file, does not fit into a Buffer
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
   * Brings a range into memory and into the page table, so that later reads of it do not wait.
   *
   * @param length bytes; the rest of the file by default
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
   * Counts how many pages of a range are in memory. It reads nothing.
   *
   * @param length bytes; the rest of the file by default
   */
  async residency(offset: Offset = 0, length?: number): Promise<Residency> {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.residency(offset, length)')
    const { offset: start, count } = handle.part(offset, length)
    return countResidency(handle, start, count)
  }

  /**
   * Tells the kernel how this handle will use the file. The advice applies to the descriptor of the handle, so other
   * handles are not affected.
   *
   * - `'willneed'` starts reading a range.
   * - `'dontneed'` takes a range out of the page cache, as far as its pages are clean and nobody maps them. Pages that
   *   reads have copied from stay mapped as long as a handle is open.
   * - `'random'`, `'sequential'` and `'normal'` apply to the whole file, whatever the range. They set how much
   *   read-ahead a page fault in a view triggers: none, twice the usual amount, or the read-ahead of the disk.
   *
   * Other reads of this package request exactly the bytes that they need, whatever the advice.
   *
   * @param length bytes; the rest of the file by default
   * @throws `ERR_INVALID_ARG_VALUE` for an unknown advice
   */
  async advise(advice: Advice, offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[3], 'file.advise(advice, offset, length)')
    const { offset: start, count } = handle.part(offset, length)
    await adviseRange(handle.queue, toAdvice(advice), start, count)
  }

  /**
   * Takes a range out of memory; the opposite of {@link prefault}. Its pages leave this process at once, views
   * included. They leave the page cache as far as they are clean and no other process maps them. Views stay valid: the
   * next touch of one reads from the disk, on the thread that touches it.
   *
   * Only whole pages are evicted. Locked pages stay, and so do stores to views of a file opened with flags `'r'`. A
   * store that is made during the call may be lost.
   *
   * @param length bytes; the rest of the file by default
   */
  async evict(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.evict(offset, length)')
    const { offset: start, count } = handle.part(offset, length)
    await evictRange(handle.queue, start, count)
  }

  /**
   * Brings a range into memory and pins its pages, so that no later read, view or touch of it waits for the disk. Locks
   * are counted: a page stays pinned until each lock of each handle is released, by {@link unlock}, {@link close} or
   * garbage collection. Pages that a truncation removes are no longer locked. The call takes the write lock of the
   * address space for a moment per 8 MiB.
   *
   * @param length bytes; the rest of the file by default
   * @throws `ENOMEM` or `EPERM` beyond RLIMIT_MEMLOCK, the limit of the memory cgroup, or a quarter of
   *   `vm.max_map_count` in separate runs of pages; then nothing of the range is locked
   * @throws `ERR_UNSUPPORTED` where {@link backend} is `'read'`
   */
  async lock(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.lock(offset, length)')
    const { offset: start, count } = handle.part(offset, length)
    handle.noteLock()
    await lockRange(handle.queue, start, count, () => handle.open())
  }

  /**
   * Releases one {@link lock} of each page of the range. It does nothing to pages that this handle has not locked.
   *
   * @param length bytes; everything from `offset` on by default
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
   * Writes all of `data` at `offset`. The file grows where necessary. Once the promise resolves, every read, view and
   * handle of this process sees the bytes; {@link flush} brings them to the device. Up to 1 MiB is copied before the
   * call returns, the rest piece by piece: do not change longer data until the promise settles.
   *
   * @param data a Buffer, TypedArray or DataView, or a string, which is written as UTF-8
   * @param offset where the first byte goes; a gap after the end of the file is filled with zeros
   * @returns the number of bytes written: all of them
   * @throws the code of the operating system (`ENOSPC`) with the range that was not written; the bytes before it were
   *   written
   * @throws `ERR_OUT_OF_RANGE` where the data was made smaller or transferred during the write
   * @throws `EBADF` where the file is open for reading only, or for appending
   */
  async write(data: ArrayBufferView | string, offset: Offset): Promise<number> {
    const handle = MappedFile.#own(this)
    handle.open()
    const bytes = toData(data)
    const call = writeCall(arguments)
    if (call !== undefined) throw wrongCall('file.write(data, offset)', call)
    if (isAppending(this.flags)) throw appendsOnly(handle.path, this.flags)
    const start = toOffset(offset)
    const count = sizeOf(bytes)
    toOffset(start + count, 'offset + data.byteLength')
    try {
      await writeBytes(handle.queue, bytes, start)
    } finally {
      // Also after a partial write.
      if (handle.writable) await handle.reach(start + count)
    }
    return count
  }

  /**
   * Writes `data` at the end of the file, as it is at the time of the write. Appends of one handle are written in the
   * order of the calls. The bytes of one call stay together: no other append of this process comes between them. On
   * Linux and a local file system, no append of another process does either. The data is copied before the call
   * returns. Once the promise resolves, every handle of this process sees the bytes.
   *
   * @param data a Buffer, TypedArray or DataView, or a string, which is written as UTF-8
   * @returns the offset of the first byte of the data
   * @throws the code of the operating system (`ENOSPC`) with the range that was not written; a part of the data may
   *   have been written
   * @throws `EBADF` where the file is open for reading only
   */
  async append(data: ArrayBufferView | string): Promise<number> {
    const handle = MappedFile.#own(this)
    handle.open()
    noMore(arguments[1], 'file.append(data)')
    return handle.appends.add(toData(data))
  }

  /**
   * Sets the length of the file: it truncates the file, or extends it with zeros. Once the promise resolves, every
   * handle of this process sees the new length. Views of removed bytes read zeros.
   *
   * @param length bytes; 0 by default, as in node:fs
   * @throws the code of the operating system (`EFBIG`, `ENOSPC`)
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
   * Has the file system allocate the first `length` bytes of the file, so that no later write to them fails for lack of
   * space. The size of the file does not change. Linux only.
   *
   * @throws the code of the operating system (`ENOSPC`, or `EOPNOTSUPP` where the file system cannot do it)
   * @throws `ERR_UNSUPPORTED` on platforms other than Linux
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
   * Resolves when all earlier writes to the range are on the device, by {@link write} or through views.
   *
   * @param length bytes; the rest of the file by default
   * @throws `ENOSPC`, `EIO` or `ERR_FILE_TRUNCATED`, with the range, where a write was lost. Every later call rejects
   *   as well, until {@link refresh} connects new views with the file again
   * @throws `EBADF` where the file is open for reading only
   */
  async flush(offset: Offset = 0, length?: number): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[2], 'file.flush(offset, length)')
    const { native, offset: start, count } = handle.part(offset, length)
    await handle.queue.run(() => native.flush(start, count))
  }

  /**
   * Checks the open file again, not its path: it does not notice a file that was renamed there. Bytes that were appended become readable, removed bytes are gone, and a damaged mapping is
   * replaced. Views made before do not change: where they have lost bytes, they stay zero. {@link viewsLost} is false
   * again.
   *
   * @returns the new {@link byteLength}
   */
  async refresh(): Promise<number> {
    const handle = MappedFile.#own(this)
    handle.open()
    noMore(arguments[0], 'file.refresh()')
    await handle.renew(true)
    // The file may have been closed while this call waited for its turn.
    handle.open()
    return handle.byteLength
  }

  /**
   * Refuses new calls, rejects reads that have not begun with `ERR_FILE_CLOSED`, and waits for those that have. A
   * second call is harmless. Mapped memory is released when the last view has been garbage-collected; with
   * `unmap: true`, before the promise resolves. A background thread closes the descriptor. With flags 'r+', views keep
   * it open like mapped memory.
   *
   * @throws `ERR_FILE_CLOSED` for `unmap: true` where the file was closed without it before
   */
  async close(options?: CloseOptions): Promise<void> {
    const handle = MappedFile.#own(this)
    noMore(arguments[1], 'file.close(options)')
    if (options !== undefined) checkOptions(options, CLOSE_OPTIONS)
    const unmap = option(options, 'unmap', false)
    if (typeof unmap !== 'boolean') throw invalidArgType('options.unmap', 'of type boolean', unmap)
    return handle.close(unmap)
  }

  /** Calls {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    MappedFile.#own(this)
    return this.close()
  }

  // A method may be called on any value, or without its object. The language refuses that as well, but without an error
  // code.
  static #own(self: unknown): Handle {
    if (typeof self === 'object' && self !== null && #handle in self) return self.#handle
    throw invalidThis('MappedFile', self)
  }
}

/** Refuses a range in place of options. `last` is 1 where `options.end` is inclusive. */
function refuseRange(method: string, given: ArrayLike<unknown>, known: readonly string[], last: 0 | 1): void {
  if (given[1] === undefined && typeof given[0] !== 'number' && typeof given[0] !== 'bigint') return
  const call = rangeOptions(`file.${method}`, Array.from(given), last)
  throw wrongCall(`file.${method}(options)`, `${call}. The options are: ${known.join(', ')}`)
}

/** The bytes to write: memory, or text as UTF-8. */
function toData(data: unknown): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : toBytes(data, 'data', 'of type string or ')
}
