// Sizes and limits of the TypeScript half, in bytes unless they say otherwise, and how they belong together.

const KiB = 1 << 10
const MiB = 1 << 20

/** The longest range that is copied on the JS thread when it is known to be in memory: about 0.1 ms. */
export const INLINE_BYTES = MiB

/** Bytes that are copied on the JS thread and answered at once in one turn of the event loop: about 0.2 ms. */
export const INLINE_BYTES_PER_TURN = MiB

/** Bytes that are still copied on the JS thread, but answered in the next turn. What is beyond goes to the pool. */
export const OVERDRAFT_BYTES = MiB

/** What a call costs besides its bytes, in bytes: about a thousand of the smallest calls fill a turn. */
export const COST_OF_A_CALL = KiB

/** What a view that is ready costs of a turn, in bytes; it copies none. */
export const COST_OF_A_VIEW = 4 * KiB

/** What one page fault maps of a file that is in the page cache. */
export const FAULT_AROUND_BYTES = 64 * KiB

/** Ranges per job: as many as keep a fast disk's queue full while their answers are not held up. */
export const JOB_RANGES = 256

/** Bytes that one job may copy for callers' buffers; copied once more on the JS thread, in about 0.1 ms. */
export const SCRATCH_BYTES = MiB

/** The longest piece of a range in one job. Whole pages, so that pieces of a range share none. */
export const PIECE_BYTES = 8 * MiB

/** Bytes after which a job that populates takes no further range: short jobs let terminate(), other files and callers in. */
export const POPULATE_BYTES = 2 * MiB

/** Up to here a result comes in a batch with others; longer ones have a job of their own for each piece. */
export const BATCHED_BYTES = 256 * KiB

/** Bytes that are looked at in one job of residency(): some milliseconds. */
export const LOOK_BYTES = 1024 * MiB

/** Bytes of a block of short results. One that is kept keeps its block, so blocks are as small as those of Node's own pool. */
export const BLOCK_BYTES = 64 * KiB

/** The longest result that comes out of a block: an ArrayBuffer of its own for each costs more than the read. */
export const SHARED_BYTES = 16 * KiB

/** The shortest result whose memory `allocator.use()` decides: a shorter one costs less than an external ArrayBuffer. */
export const LARGE_BYTES = 256 * KiB

/** Results start at multiples of this, so that any typed array fits over them. */
export const ALIGNMENT = 8

/** Paths in one job of mmapRead(), and the bytes after which it begins no further one. */
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
