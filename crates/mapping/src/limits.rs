//! Sizes and limits of the core, in bytes unless stated otherwise, and the relations between them.

/// A job checks for cancellation after this many bytes, and populates this many in one call: a longer populate holds
/// `mmap_lock` long enough to delay other threads.
pub const PIECE: usize = 2 << 20;

/// How far ahead of the copies I/O is started. Much more would be evicted again under memory pressure.
pub(crate) const AHEAD: usize = 8 << 20;

/// The same limit in pieces: enough for the queue of a fast disk.
pub(crate) const AHEAD_PIECES: usize = 128;

/// A range of this length counts as a sequential read, whatever came before it.
pub(crate) const LONG: usize = 512 << 10;

/// Consecutive reads that each start where the last one ended count as sequential from this total length on.
pub(crate) const IN_ORDER: u64 = 2 << 20;

/// The longest copy on the JS thread that uses `preadv2(RWF_NOWAIT)`. A copy from mapped memory takes less time, but
/// waits where a page was evicted within the tick for which residency answers are remembered: one to three times under
/// memory pressure.
pub(crate) const NOWAIT: usize = 16 << 10;

/// The longest view whose residency is checked on the JS thread: the check of this length takes 0.1 ms.
pub(crate) const INLINE_VIEW: usize = 16 << 20;

/// The bytes that one page fault maps of a file in the page cache.
pub(crate) const FAULT_AROUND: usize = 64 << 10;

/// The longest range whose pages are mapped when it is read, where only the page table shows which pages are resident.
pub(crate) const MAPPED_AS_READ: usize = 1 << 20;

/// The shortest result whose memory is populated in one call.
pub(crate) const TAKEN_AT_ONCE: usize = 256 << 10;

/// The longest file that is kept in memory because its size does not say how long it is.
pub(crate) const GENERATED: usize = 64 << 20;

/// How far ahead of the current part sequential reading starts I/O: docs/performance.md.
pub(crate) const AHEAD_IN_ORDER: u64 = 16 << 20;

/// Sequential copies on the JS thread request more read-ahead where less than this is started ahead of them. Each
/// request is a pool job; with less ahead, a disk of 2 GiB/s is idle at times.
pub(crate) const BEGUN_AHEAD: u64 = AHEAD_IN_ORDER - PIECE as u64;

/// How much further ahead residency is checked. The kernel's read-ahead reaches at most [`LONGER_THAN_WINDOWS`].
pub(crate) const SEEN_AHEAD: u64 = 32 << 20;

/// Pages that sequential reading brought into memory keep their normal priority for this distance behind the current
/// part: views that were handed out ahead may still be in use.
pub(crate) const BEHIND: u64 = 16 << 20;

/// The largest distance between concurrently read parts of one range.
pub(crate) const NEAR: u64 = 16 << 20;

/// Sequential reading checks and starts this many bytes at a time. The kernel's read-ahead windows that start at a
/// block boundary have their marks at known offsets; windows that start between boundaries may not.
pub(crate) const BLOCK: u32 = 1 << 20;

/// More bytes than one window of the kernel's read-ahead, which is limited by the read-ahead setting and by the largest
/// request to the disk.
pub(crate) const LONGER_THAN_WINDOWS: u32 = 16 << 20;

const _: () = assert!(PIECE <= AHEAD && NOWAIT <= MAPPED_AS_READ && LONGER_THAN_WINDOWS as u64 <= SEEN_AHEAD);
