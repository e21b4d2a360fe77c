// The public API of faultless.

/**
 * Offsets and lengths are in bytes. A range that reaches past the end of the file is shortened first, as with
 * `fs.read`, so a result may be short or empty. The shortened range must fit into the largest Buffer of Node.
 *
 * Methods that return promises reject and never throw. All other methods throw. Errors have a `code`:
 *
 * | `code` | meaning | other properties |
 * | --- | --- | --- |
 * | `ENOENT`, `EACCES`, `EIO`, `ENOSPC`, … | an error of the operating system, as in node:fs | `errno`, `syscall`, `path`; `offset` and `length` where a range failed |
 * | `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` | a TypeError: an invalid argument | |
 * | `ERR_ILLEGAL_CONSTRUCTOR` | a TypeError: `new MappedFile()`; only `MappedFile.open()` creates one | |
 * | `ERR_INVALID_THIS` | a TypeError: a method was called without its object, as after `const { read } = file` | |
 * | `ERR_OUT_OF_RANGE` | a RangeError: a number that is not a valid position or length, or a result that does not fit into a Buffer | `path`, `offset`, `length` for a result |
 * | `ERR_FILE_CLOSED` | the file was closed before the call, or before the work began | `path` |
 * | `ERR_FILE_TRUNCATED` | the file was truncated below the range; call `refresh()` or open the file again | `path`, `offset`, `length` |
 * | `ERR_NOT_A_FILE` | a directory, FIFO, socket or device, which cannot be mapped; to write, also a file that the kernel generates | `path` |
 * | `ERR_ACCESS_DENIED` | Node's permission model does not allow the path | `permission`, `resource` |
 * | `ERR_UNSUPPORTED` | this platform, runtime or build does not support the call; {@link capabilities} lists what works | |
 *
 * A call that is cancelled by its signal rejects with the reason of the signal, an `AbortError` by default.
 *
 * @packageDocumentation
 */

export { type AllocatorName, type AllocatorStats, allocator } from './lib/allocator.js'
export type { ByteRange, Cancellable, Offset, Source } from './lib/arguments.js'
export { type Capabilities, capabilities } from './lib/capabilities.js'
export type { ChunkOptions } from './lib/chunks.js'
export type { OpenFlags } from './lib/flags.js'
export type { FollowedBytes, FollowedLine, FollowOptions } from './lib/follow.js'
export type { Advice } from './lib/locking.js'
export type { RecordOffsets } from './lib/many-arguments.js'
export {
  type ChunkMemory,
  type CloseOptions,
  type ForEach,
  MappedFile,
  type MemoryOf,
  type OpenOptions,
} from './lib/mapped-file.js'
export { type MmapReadOptions, mmapRead } from './lib/mmap-read.js'
export type { Residency } from './lib/residency.js'
export type { StatOptions } from './lib/stat.js'
export type { MappedReadStream, StreamOptions } from './lib/stream.js'
export type { ArenaPauses, GlibcTuning, Tuned, TuningDecision } from './lib/tuning.js'
export type { ArrayOver, ArrayType, TypedViewOptions } from './lib/typed-views.js'
export type { WebStreamOptions } from './lib/web-stream.js'
