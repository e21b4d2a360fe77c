//! Sizes and limits of the core, in bytes unless they say otherwise, and how they belong together.

/// What a job does between two looks at whether it is still wanted, and populates in one call: a longer populate holds
/// `mmap_lock` long enough for others to notice.
pub const PIECE: usize = 2 << 20;

/// How far I/O is begun ahead of the copies: far more would soon be evicted again under memory pressure.
pub(crate) const AHEAD: usize = 8 << 20;

/// The same in pieces: enough for the queue of a fast disk.
pub(crate) const AHEAD_PIECES: usize = 128;

/// A range of this length is read in order, whatever came before it.
pub(crate) const LONG: usize = 512 << 10;

/// Reads that each went on where the last one ended are in order once they are this long together.
pub(crate) const IN_ORDER: u64 = 2 << 20;

/// The longest copy on the JS thread that is made by `preadv2(RWF_NOWAIT)`. A copy from mapped memory takes less time, but waits where
/// a page was taken within the tick for which evidence counts: one to three times when memory gets short.
pub(crate) const NOWAIT: usize = 16 << 10;

/// The longest view that is looked at on the JS thread: a look takes 0.1 ms then.
pub(crate) const INLINE_VIEW: usize = 16 << 20;

/// What one page fault maps of a file that is in the page cache.
pub(crate) const FAULT_AROUND: usize = 64 << 10;

/// The longest range whose pages are mapped as it is read, where only the page table tells what is in memory.
pub(crate) const MAPPED_AS_READ: usize = 1 << 20;

/// The shortest result whose memory is taken in one call.
pub(crate) const TAKEN_AT_ONCE: usize = 256 << 10;

/// The longest file that is kept in memory because its size does not say how long it is.
pub(crate) const GENERATED: usize = 64 << 20;

/// How far reading in order is begun ahead of the part that is read: docs/performance.md.
pub(crate) const AHEAD_IN_ORDER: u64 = 16 << 20;

/// Where less than this is begun ahead of copies that are answered at once, more is due. Each time is a job for the pool, and with
/// less ahead a disk of 2 GiB/s is idle at times.
pub(crate) const BEGUN_AHEAD: u64 = AHEAD_IN_ORDER - PIECE as u64;

/// How much further ahead it is seen what is in memory. The kernel's read-ahead reaches [`LONGER_THAN_WINDOWS`] at most.
pub(crate) const SEEN_AHEAD: u64 = 32 << 20;

/// How far behind the part that is read what this reading has brought into memory stays as dear as anything else: views that were
/// handed out ahead may still be in use.
pub(crate) const BEHIND: u64 = 16 << 20;

/// How far apart parts of the same range may be that are worked at side by side.
pub(crate) const NEAR: u64 = 16 << 20;

/// What reading in order looks at and begins in one go. Windows of the kernel's that begin where a block does have their marks
/// where they are looked for; those that begin somewhere in between need not.
pub(crate) const BLOCK: u32 = 1 << 20;

/// More bytes than a window of the kernel's read-ahead has: that is as long as the read-ahead, or as a request to the disk may be.
pub(crate) const LONGER_THAN_WINDOWS: u32 = 16 << 20;

const _: () = assert!(PIECE <= AHEAD && NOWAIT <= MAPPED_AS_READ && LONGER_THAN_WINDOWS as u64 <= SEEN_AHEAD);
