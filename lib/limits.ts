// Sizes and limits of the TypeScript part, in bytes unless they say otherwise, and the relations between them.

const KiB = 1 << 10
const MiB = 1 << 20

/** The longest range to copy on the JS thread when it is known to be in memory: about 0.1 ms. */
export const INLINE_BYTES = MiB

/** Bytes that are copied on the JS thread and returned at once in one turn of the event loop: about 0.2 ms. */
export const INLINE_BYTES_PER_TURN = MiB

/**
 * Further bytes that are copied on the JS thread, but returned in the next turn. All beyond them are read on the pool.
 */
export const OVERDRAFT_BYTES = MiB

/** The cost of a call besides its bytes, expressed in bytes: about a thousand of the smallest calls fill a turn. */
export const COST_OF_A_CALL = KiB

/** The cost of a view that is ready, expressed in bytes; it copies none. */
export const COST_OF_A_VIEW = 4 * KiB

/** The bytes that one page fault maps of a file in the page cache. */
export const FAULT_AROUND_BYTES = 64 * KiB

/** Ranges per job: enough to fill the queue of a fast disk, without delaying their results. */
export const JOB_RANGES = 256

/** Bytes that one job may copy for buffers of callers. They are copied once more on the JS thread, in about 0.1 ms. */
export const SCRATCH_BYTES = MiB

/** The longest piece of a range in one job. It is whole pages, so that two pieces of a range share no page. */
export const PIECE_BYTES = 8 * MiB

/**
 * Bytes after which a populating job takes no further range: short jobs let terminate(), other files and other callers
 * proceed.
 */
export const POPULATE_BYTES = 2 * MiB

/** Results up to this size are read in a batch with others; each piece of a longer one has a job of its own. */
export const BATCHED_BYTES = 256 * KiB

/** Bytes whose pages one job of residency() counts: some milliseconds. */
export const LOOK_BYTES = 1024 * MiB

/** Bytes of a block of short results. Keeping one result keeps its block, so blocks are as small as those of Node. */
export const BLOCK_BYTES = 64 * KiB

/** The longest result that is a part of a block: an ArrayBuffer of its own costs more than the read. */
export const SHARED_BYTES = 16 * KiB

/**
 * The shortest result that uses the allocator of `allocator.use()`: for a shorter one, an external ArrayBuffer costs
 * more than it saves.
 */
export const LARGE_BYTES = 256 * KiB

/** Results start at multiples of this, so that every typed array can be created over them. */
export const ALIGNMENT = 8

/** Paths in one job of mmapRead(), and the bytes after which the job starts no further one. */
export const JOB_PATHS = 64
export const JOB_PATH_BYTES = 2 * MiB

/** Long files that mmapRead() has open at the same time in one environment. */
export const OPEN_PATHS = 16

const holds =
  SHARED_BYTES <= BLOCK_BYTES &&
  BLOCK_BYTES <= SCRATCH_BYTES &&
  INLINE_BYTES <= SCRATCH_BYTES &&
  BATCHED_BYTES <= SCRATCH_BYTES &&
  INLINE_BYTES <= INLINE_BYTES_PER_TURN &&
  BATCHED_BYTES <= LARGE_BYTES
if (!holds) throw new RangeError('the limits contradict each other')
