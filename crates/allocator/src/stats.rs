//! What an allocator holds.

use crate::{keeper, malloc};

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
    /// Of `retained`, at the end of an arena, from where it goes back; malloc's only.
    pub top: Option<u64>,
    /// How many arenas there are; malloc's only.
    pub arenas: Option<u64>,
    /// How many heaps these have, the main arena none; malloc's only.
    pub heaps: Option<u64>,
}

/// What an arena of malloc holds, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArenaStats {
    /// Whether it is the main one, which grows by `brk`.
    pub main: bool,
    /// How many heaps of 64 MiB it has; none for the main one.
    pub heaps: u64,
    /// Got from the kernel.
    pub mapped: u64,
    /// Free: `top` and what lies below it.
    pub free: u64,
    /// Free at its end.
    pub top: u64,
    /// Of what is free, in physical memory.
    pub resident: u64,
}

/// What was decided while the process runs, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether arenas keep what is freed at their top; else it goes back at once.
    pub keeps: bool,
    /// Why, for people.
    pub why: String,
    /// Given back so far, in bytes.
    pub gave_back: u64,
    /// How long arenas were locked for it, and by [`crate::trim`].
    pub pauses: Pauses,
}

/// How long arenas were locked from here: who allocates in one may wait as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// How often.
    pub count: u64,
    /// How often for more than a millisecond.
    pub long: u64,
    /// The longest, in nanoseconds.
    pub longest: u64,
}

/// What is in effect of a tuning, where there is one.
#[must_use]
pub fn decision() -> Option<Decision> {
    keeper::decision()
}

/// What each arena of a process holds.
///
/// # Errors
/// Why nobody can tell, for people.
pub fn arenas_of(pid: u32) -> Result<Vec<ArenaStats>, String> {
    keeper::arenas_of(pid)
}

/// What the malloc of the process holds, where it is glibc's. It looks at each free chunk, under the lock of its arena.
#[must_use]
pub fn malloc_stats() -> Option<Stats> {
    malloc::tunable().is_ok().then(malloc::stats)?
}
