//! Mapped files and their pages: the parts of a Node addon that deal with the kernel. This crate does not depend on
//! Node.
//!
//! Each layer uses only the layers below it: `os` makes the system calls; `pages`, `mapping` and `views` are mapped
//! memory under the guard; [`MappedFile`] is an open file with one of several backends; `immediate`, `read_many` and
//! `path_cache` read it.
//!
//! Jobs read by `pread` ([`read_ranges`]). The JS thread copies bytes that are known to be in memory
//! ([`MappedFile::try_copy`]). Mapped bytes are handed out from a separate mapping ([`Views`]). A chained SIGBUS
//! handler keeps the process alive when a file is truncated.
//!
//! Units are bytes everywhere; names say where pages are meant. The documentation of a function says if it may wait for
//! a disk.

#![cfg_attr(
    not(all(target_os = "linux", not(feature = "portable"))),
    expect(dead_code, reason = "code that only mappings need stays compiled")
)]

mod advice;
mod changes;
mod drop_queue;
mod error;
mod eviction;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod guard;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod immediate;
mod in_order;
mod limits;
mod locks;
mod mapped_file;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod mapping;
mod mappings_with_stores;
mod open_file;
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
mod shared_size;
mod sync;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod table;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod unmapped;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod views;
mod weak_map;
mod writing;

/// The types of mappings: the real ones on Linux, types without values elsewhere.
mod backend {
    #[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
    pub(crate) use crate::unmapped::*;
    #[cfg(all(target_os = "linux", not(feature = "portable")))]
    pub(crate) use crate::{
        guard::was_cut,
        immediate::{Source, copy_by_path},
        mapping::Mapping,
        pages::{Loss, Pages},
        residency::{Touchable, invalidate_answers, is_touchable},
        views::Views,
    };
}

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use unmapped::Views;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use views::Views;

pub use changes::changes;
pub use error::{ByteRange, Error, LockLimit, Result};
pub use limits::PIECE;
pub use mapped_file::{CaughtUp, Copied, Duplicate, MappedFile, Residency};
pub use os::{Advice, Capabilities, Creation, Errno, Settings, capabilities, configure, page_size};
pub use path_cache::{PathOutcome, PathRange, PathsRead, read_paths, release_paths, try_read_path};
pub use permits::{Permits, Waiter};
pub use range::Range;
pub use read_many::{Failures, Purpose, Target, begin_ahead, populate_ranges, read_ranges};
