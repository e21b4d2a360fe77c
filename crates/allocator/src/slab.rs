//! Slabs: memory for large results in a few sizes, kept for the next result when one is let go of.

use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::source::{Source, System};

/// The smallest slab, in bytes: below it, memory of V8's own is as fast.
pub const SMALLEST: usize = 256 << 10;

/// Sizes above it: each power of two, and one step between two of them.
const SIZES: usize = 2 * 11;

/// Bytes kept for reuse. V8 collects garbage after about 64 MiB of external memory, so that many come back at once.
const MOST_KEPT: usize = 128 << 20;

static SYSTEM: System = System;

/// Memory with the allocator that it goes back to.
#[derive(Clone, Copy)]
struct Block {
    start: NonNull<u8>,
    size: usize,
    from: &'static dyn Source,
}

// SAFETY: plain memory, from an allocator that serves every thread.
unsafe impl Send for Block {}

/// Memory for one result. Dropping it keeps it for the next one of its size, on whatever thread that is.
pub struct Slab(Block);

struct Free {
    block: Block,
    since: Instant,
}

struct Shelf {
    /// By size, the longest unused first.
    free: [Vec<Free>; SIZES],
    bytes: usize,
}

static SHELF: Mutex<Shelf> = Mutex::new(Shelf { free: [const { Vec::new() }; SIZES], bytes: 0 });

fn shelf() -> MutexGuard<'static, Shelf> {
    SHELF.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The size of slab number `index`: 256 KiB, 384 KiB, 512 KiB, 768 KiB, 1 MiB …
const fn size_of_class(index: usize) -> usize {
    let power = SMALLEST << (index / 2);
    if index.is_multiple_of(2) { power } else { power + power / 2 }
}

fn class_for(length: usize) -> Option<usize> {
    (0..SIZES).find(|&index| size_of_class(index) >= length)
}

impl Slab {
    /// At least `length` bytes, with whatever the last user left in them; `None` where memory has run out.
    #[must_use]
    pub fn take(length: usize) -> Option<Self> {
        let class = class_for(length);
        if let Some(class) = class {
            let mut shelf = shelf();
            // The one used last: its pages are the likeliest to be in the processor's caches.
            if let Some(Free { block, .. }) = shelf.free[class].pop() {
                shelf.bytes -= block.size;
                return Some(Self(block));
            }
        }
        let size = class.map_or(length, size_of_class);
        Some(Self(Block { start: SYSTEM.allocate(size)?, size, from: &SYSTEM }))
    }

    /// Where it starts; aligned to a page.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.0.start.as_ptr()
    }

    /// How many bytes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        let block = self.0;
        let class = class_for(block.size).filter(|&class| size_of_class(class) == block.size);
        if let Some(class) = class {
            let mut kept = shelf();
            if kept.bytes + block.size <= MOST_KEPT {
                kept.bytes += block.size;
                kept.free[class].push(Free { block, since: Instant::now() });
                return;
            }
        }
        // SAFETY: the only owner of the block is letting go of it.
        unsafe { block.from.free(block.start, block.size) };
    }
}

/// Gives back to the allocator what has not been used for `idle`; says whether anything is kept on.
#[must_use]
pub fn trim(idle: Duration) -> bool {
    let now = Instant::now();
    let mut shelf = shelf();
    let is_old = |free: &mut Free| now.duration_since(free.since) >= idle;
    let old: Vec<Free> = shelf.free.iter_mut().flat_map(|free| free.extract_if(.., is_old)).collect();
    shelf.bytes -= old.iter().map(|free| free.block.size).sum::<usize>();
    let keeps = shelf.bytes > 0;
    // Giving memory back may take a while, and others want slabs.
    drop(shelf);
    for Free { block, .. } in old {
        // SAFETY: it was taken off the shelf above, so nobody else has it.
        unsafe { block.from.free(block.start, block.size) };
    }
    keeps
}

/// Bytes that are kept for reuse at this moment.
#[must_use]
pub fn retained() -> usize {
    shelf().bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because the shelf is the process's.
    #[test]
    fn a_slab_is_used_again_only_after_it_was_let_go_of_and_trimmed_when_idle() {
        let first = Slab::take(1_000_000).unwrap();
        let second = Slab::take(1_000_000).unwrap();
        assert_ne!(first.as_ptr(), second.as_ptr());
        assert_eq!((first.size(), first.as_ptr().align_offset(4096)), (1 << 20, 0));
        let address = first.as_ptr();
        drop(first);
        assert_eq!(retained(), 1 << 20);
        let third = Slab::take((1 << 20) - 5).unwrap();
        assert_eq!(third.as_ptr(), address);

        drop((second, third));
        assert!(trim(Duration::from_secs(60)));
        assert_eq!(retained(), 2 << 20);
        assert!(!trim(Duration::ZERO));
        assert_eq!(retained(), 0);

        let huge: Vec<_> = (0..5).map(|_| Slab::take(40 << 20).unwrap()).collect();
        assert_eq!(huge[0].size(), 48 << 20);
        drop(huge);
        assert_eq!(retained(), 96 << 20, "no more is kept than the limit");
        assert!(!trim(Duration::ZERO));
    }
}
