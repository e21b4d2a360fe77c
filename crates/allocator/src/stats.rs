//! What an allocator holds.

use crate::{jemalloc, malloc};

/// Bytes, where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// In use: by anyone in the process for malloc, by results for jemalloc.
    pub allocated: u64,
    /// In physical memory: in use, or free and not yet given back. malloc does not know.
    pub resident: Option<u64>,
    /// Got from the kernel: in use, or free and usable at once.
    pub mapped: u64,
    /// Free, and kept for what is allocated next: part of `mapped` for malloc, address space beyond it for jemalloc.
    pub retained: u64,
    /// How many arenas there are; malloc's only.
    pub arenas: Option<u64>,
}

/// What the malloc of the process holds, where it is glibc's. It looks at each free chunk, under the lock of its arena.
#[must_use]
pub fn malloc_stats() -> Option<Stats> {
    malloc::tunable().is_ok().then(malloc::stats)?
}

/// What the jemalloc of ours holds, where there is one.
#[must_use]
pub fn jemalloc_stats() -> Option<Stats> {
    jemalloc::stats()
}
