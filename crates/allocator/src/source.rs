//! The allocators that slabs can come from.

use std::alloc::Layout;
use std::ptr::NonNull;

/// Slabs start at a page, so that what is copied into them is aligned as the file's own pages are.
const ALIGNMENT: usize = 4096;

/// An allocator. Memory goes back to the one it came from.
pub(crate) trait Source: Sync {
    /// `length` bytes, aligned to a page; `None` where there are none left.
    fn allocate(&self, length: usize) -> Option<NonNull<u8>>;

    /// Gives memory back.
    ///
    /// # Safety
    /// `start` came from [`Source::allocate`] of this allocator with the same length, and nobody uses it any more.
    unsafe fn free(&self, start: NonNull<u8>, length: usize);
}

/// The allocator of the process, which is glibc's unless another one was preloaded.
pub(crate) struct System;

fn layout(length: usize) -> Option<Layout> {
    Layout::from_size_align(length, ALIGNMENT).ok().filter(|layout| layout.size() > 0)
}

impl Source for System {
    fn allocate(&self, length: usize) -> Option<NonNull<u8>> {
        // SAFETY: the layout is not empty.
        NonNull::new(unsafe { std::alloc::alloc(layout(length)?) })
    }

    unsafe fn free(&self, start: NonNull<u8>, length: usize) {
        if let Some(layout) = layout(length) {
            // SAFETY: passed on from the caller; the same length makes the same layout.
            unsafe { std::alloc::dealloc(start.as_ptr(), layout) };
        }
    }
}
