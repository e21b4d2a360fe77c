// What a user of faultless can import, and nothing else.

export { type AllocatorName, type AllocatorStats, allocator } from './lib/allocator.js'
export type { ByteRange, Cancellable, Offset, Source } from './lib/arguments.js'
export { capabilities } from './lib/capabilities.js'
export type { ChunkOptions } from './lib/chunks.js'
export type { Advice } from './lib/locking.js'
export { MappedFile, type OpenOptions, type Residency } from './lib/mapped-file.js'
export { mmapRead } from './lib/mmap-read.js'
export type { MappedReadStream, StreamOptions } from './lib/stream.js'
export type { GlibcTuning, Tuned } from './lib/tuning.js'
