// What a user of faultless can import, and nothing else.

/**
 * Offsets and lengths are bytes, everywhere. A range is cut at the end of the file first, so a result may be short or empty, as
 * with `fs.read`, and only then held against the largest Buffer that Node can make.
 *
 * Methods that return promises always reject and never throw; all others throw. Errors have a `code`:
 *
 * | `code` | means | also has |
 * | --- | --- | --- |
 * | `ENOENT`, `EACCES`, `EIO`, `ENOSPC`, … | the system said so, as in node:fs | `errno`, `syscall`, `path`; `offset` and `length` where a range failed |
 * | `ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE` | a TypeError: an argument that cannot be meant | |
 * | `ERR_INVALID_THIS` | a TypeError: a method that was taken off its handle | |
 * | `ERR_OUT_OF_RANGE` | a RangeError: a number that is no position or length, or a result that no Buffer can hold | `path`, `offset`, `length` for a result |
 * | `ERR_FILE_CLOSED` | the file was closed before, or before the work began | `path` |
 * | `ERR_FILE_TRUNCATED` | the file was cut below the range; `refresh()` or opening again recovers | `path`, `offset`, `length` |
 * | `ERR_NOT_A_FILE` | a directory, a FIFO, a socket, a device: nothing to map | `path` |
 * | `ERR_UNSUPPORTED` | this platform, runtime or build cannot; {@link capabilities} says what it can | |
 *
 * A call that is given up by its signal rejects with the reason of the signal, an `AbortError` by default.
 *
 * @packageDocumentation
 */

export { type AllocatorName, type AllocatorStats, allocator } from './lib/allocator.js'
export type { ByteRange, Cancellable, Offset, Source } from './lib/arguments.js'
export { type Capabilities, capabilities } from './lib/capabilities.js'
export type { ChunkOptions } from './lib/chunks.js'
export type { OpenFlags } from './lib/flags.js'
export type { FollowOptions } from './lib/follow.js'
export type { Advice } from './lib/locking.js'
export type { RecordOffsets } from './lib/many-arguments.js'
export { type ChunkMemory, type CloseOptions, MappedFile, type MemoryOf, type OpenOptions } from './lib/mapped-file.js'
export { type MmapReadOptions, mmapRead } from './lib/mmap-read.js'
export type { Residency } from './lib/residency.js'
export type { StatOptions } from './lib/stat.js'
export type { MappedReadStream, StreamOptions } from './lib/stream.js'
export type { ArenaPauses, GlibcTuning, Tuned, TuningDecision } from './lib/tuning.js'
export type { ArrayOver, ArrayType, TypedViewOptions } from './lib/typed-views.js'
export type { WebStreamOptions } from './lib/web-stream.js'
