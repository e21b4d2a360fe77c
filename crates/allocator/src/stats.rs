//! Statistics of the allocators.

use crate::{malloc, trimmer};

/// Bytes, unless stated otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// In use: by the whole process for malloc, by results for jemalloc.
    pub allocated: u64,
    /// In physical memory: in use, or free and not yet returned. malloc does not know.
    pub resident: Option<u64>,
    /// Mapped from the kernel: in use, or free and usable at once.
    pub mapped: u64,
    /// Free, and kept for later allocations: part of `mapped` for malloc, address space beyond it for jemalloc.
    pub retained: u64,
    /// The part of `retained` at the tops of arenas, which can be returned; malloc only.
    pub top: Option<u64>,
    /// The number of arenas; malloc only.
    pub arenas: Option<u64>,
    /// The number of heaps in all arenas; the main arena has none; malloc only.
    pub heaps: Option<u64>,
}

/// The memory of one arena of malloc, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArenaStats {
    /// Whether it is the main arena, which grows by `brk`.
    pub main: bool,
    /// The number of its heaps of 64 MiB; none for the main arena.
    pub heaps: u64,
    /// Mapped from the kernel.
    pub mapped: u64,
    /// Free: `top` and the free chunks below it.
    pub free: u64,
    /// Free at its end.
    pub top: u64,
    /// The part of the free memory that is in physical memory.
    pub resident: u64,
}

/// The current decision, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether arenas keep freed memory at their top; otherwise it is returned at once.
    pub keeps: bool,
    /// The reason, in words.
    pub why: String,
    /// Bytes returned to the kernel so far.
    pub gave_back: u64,
    /// How long arenas were locked for it, and by [`crate::trim`].
    pub pauses: Pauses,
}

/// How long this crate has locked arenas: threads that allocate in one may wait as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// The number of locks.
    pub count: u64,
    /// The number of locks of more than a millisecond.
    pub long: u64,
    /// The longest lock, in nanoseconds.
    pub longest: u64,
}

/// The current decision, if malloc was tuned.
#[must_use]
pub fn decision() -> Option<Decision> {
    trimmer::decision()
}

/// The memory of each arena of a process.
///
/// # Errors
/// The reason why the arenas cannot be read, in words.
pub fn arenas_of(pid: u32) -> Result<Vec<ArenaStats>, String> {
    trimmer::arenas_of(pid)
}

/// The memory of the process's malloc, if that is glibc's. Visits each free chunk, under the lock of its arena.
#[must_use]
pub fn malloc_stats() -> Option<Stats> {
    malloc::tunable().is_ok().then(malloc::stats)?
}
