// What a user of faultless can import, and nothing else.

export type { ByteRange, Cancellable, Offset, Source } from './lib/arguments.js'
export { capabilities } from './lib/capabilities.js'
export type { ChunkOptions } from './lib/chunks.js'
export { MappedFile, type OpenOptions, type Residency } from './lib/mapped-file.js'
export { mmapRead } from './lib/mmap-read.js'
