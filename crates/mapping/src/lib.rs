//! Mapped files and their pages: what a Node addon needs from the kernel, and nothing of Node.
//!
//! One shared, read-only mapping per file serves every reader of the process. Copies are made on evidence
//! ([`MappedFile::try_copy`]) or after populating ([`read_ranges`]); the mapped bytes themselves are handed out from a
//! mapping of their own ([`Views`]). A chained SIGBUS handler keeps the process alive when a file is cut short.
//!
//! Units are bytes everywhere; pages are named as such. Every function that may wait for a disk says so.

mod batch;
mod error;
mod evidence;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod guard;
mod housekeeper;
mod locks;
mod mapped_file;
mod mapping;
mod os;
mod page_counts;
mod pages;
mod path_cache;
mod places;
mod registry;
mod sync;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod table;
mod views;
mod weak_map;
mod writing;

pub use batch::{Failures, MAX_PIECE, Purpose, Range, Scattered, Target, populate_ranges, read_ranges};
pub use error::{ByteRange, Error, Result};
pub use evidence::Evidence;
pub use mapped_file::{MappedFile, Residency};
pub use os::{Advice, Capabilities, Errno, capabilities, page_size};
pub use path_cache::{find_path, open_path, release_paths};
pub use places::Places;
pub use views::Views;
