//! Mapped files and their pages: what a Node addon needs from the kernel, and nothing of Node.
//!
//! Layers, each of which looks down only: `os`, what the kernel does; `pages`, `mapping` and `views`, mapped memory under the
//! guard; [`MappedFile`], an open file by whichever backend has its bytes; `now`, `batch` and `path_cache`, the ways to read it.
//!
//! Jobs read by `pread` ([`read_ranges`]); the JS thread copies what is known to be in memory ([`MappedFile::try_copy`]); the mapped
//! bytes themselves are handed out from a mapping of their own ([`Views`]). A chained SIGBUS handler keeps the process alive
//! when a file is cut short.
//!
//! Units are bytes everywhere; pages are named as such. Every function that may wait for a disk says so.

#![cfg_attr(
    not(all(target_os = "linux", not(feature = "portable"))),
    expect(dead_code, reason = "what only a mapping needs is left in its place")
)]

mod advice;
mod error;
mod eviction;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod guard;
mod idle_threads;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod immediate;
mod in_order;
mod limits;
mod locks;
mod mapped_file;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod mapping;
mod os;
mod page_counts;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod pages;
mod path_cache;
mod permits;
mod range;
mod read_many;
mod reaper;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod residency;
mod sizes;
mod stored_to;
mod sync;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod table;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod unmapped;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod views;
mod weak_map;
mod writing;

/// What there is of mappings: all of it on Linux, and elsewhere names alone.
mod backend {
    #[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
    pub(crate) use crate::unmapped::*;
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    pub(crate) use crate::{
        immediate::{Source, copy_by_path},
        mapping::Mapping,
        pages::{Loss, Pages},
        residency::{Touchable, forget_all, is_touchable},
        views::Views,
    };
}

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use unmapped::Views;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use views::Views;

pub use error::{ByteRange, Error, LockLimit, Result};
pub use limits::PIECE;
pub use mapped_file::{CaughtUp, Copied, Duplicate, MappedFile, Residency};
pub use os::{Advice, Capabilities, Creation, Errno, Settings, capabilities, configure, page_size};
pub use path_cache::{PathOutcome, PathRange, PathsRead, read_paths, release_paths, try_read_path};
pub use permits::{Permits, Waiter};
pub use range::Range;
pub use read_many::{Failures, Purpose, Target, begin_ahead, populate_ranges, read_ranges};
pub use sizes::size_changes;
