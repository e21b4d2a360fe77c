//! What a build without jemalloc has in its place: no memory, and nothing to tell.

use crate::stats::Stats;

/// Memory of jemalloc's, of which there is none.
#[derive(Debug)]
pub enum Block {}

impl Block {
    /// None.
    #[must_use]
    pub fn allocate(_length: usize) -> Option<Self> {
        None
    }

    /// Where it starts.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        match *self {}
    }
}

pub(crate) fn prepare() {}

pub(crate) fn purge() {}

pub(crate) fn stats() -> Option<Stats> {
    None
}
