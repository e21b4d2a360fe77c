//! The one shared, read-only mapping of a file that all readers of the process copy from.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::housekeeper::Offloaded;
use crate::os::{self, Access, Errno, Map, Stat, page_size};
use crate::page_counts::{PageCounts, Run};
use crate::pages::Pages;
use crate::registry::{self, Key};

/// A shared, read-only mapping of a file from its first byte, with room behind its end for what may be appended. There is
/// one for the whole process; it may be used from any thread, and is unmapped off the thread that lets go of it last.
#[derive(Debug)]
pub(crate) struct Mapping {
    pages: Offloaded<Pages>,
    key: Key,
    /// How many handles have locked each page.
    pins: Mutex<PageCounts>,
}

impl Mapping {
    /// Maps a regular file, through an open file of its own where one can be had: what a handle advises, and that it may
    /// write, is no matter of the others.
    pub(crate) fn new(file: &File, stat: &Stat, key: Key, path: &Path) -> Result<Self> {
        let file = os::reopen(file, false)
            .or_else(|_| file.try_clone().map_err(|error| os::errno_of(&error)))
            .map_err(|errno| Error::system(errno, "dup", path))?;
        let map = map_with_room(stat.size, |length| os::map_shared(&file, length));
        let map = map.map_err(|errno| cannot_map(errno, path))?;
        let pages = Pages::new(map, Arc::new(file), Access::Read, stat);
        Ok(Self { pages: Offloaded::new(pages), key, pins: Mutex::default() })
    }

    /// Keeps pages in memory for one more handle. Waits for the disk where they are not there yet.
    pub(crate) fn pin(&self, pages: Run) -> std::result::Result<(), Errno> {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        // The calls are made under the lock, or one handle's unlocking could overtake another's locking.
        for run in pins.add(pages.clone()) {
            if let Err(errno) = self.pages.lock(run) {
                for run in pins.remove(pages) {
                    self.pages.unlock(run);
                }
                return Err(errno);
            }
        }
        Ok(())
    }

    /// Takes the wish of one handle back.
    pub(crate) fn unpin(&self, pages: Run) {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        for run in pins.remove(pages) {
            self.pages.unlock(run);
        }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }
}

impl Deref for Mapping {
    type Target = Pages;

    fn deref(&self) -> &Pages {
        &self.pages
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        registry::forget(self);
    }
}

/// Maps a file of this size by `map`, with room behind its end: that costs address space only, and spares a file that grows
/// a new mapping. Where address space is rationed, the file alone may still fit.
pub(crate) fn map_with_room(
    size: u64,
    map: impl Fn(usize) -> std::result::Result<Map, Errno>,
) -> std::result::Result<Map, Errno> {
    let of = |size| map(mapped_length(size)?);
    let room = (size / 8).clamp(1 << 20, 1 << 30);
    of(size.saturating_add(room)).or_else(|errno| if errno == Errno::NOMEM { of(size) } else { Err(errno) })
}

/// A mapping of no bytes is refused by the kernel (EINVAL): an empty file gets one page, past its end.
pub(crate) fn mapped_length(length: u64) -> std::result::Result<usize, Errno> {
    let page = page_size();
    let length = usize::try_from(length).ok().and_then(|length| length.max(1).checked_next_multiple_of(page));
    length.filter(|&length| isize::try_from(length).is_ok()).ok_or(Errno::NOMEM)
}

/// ENODEV is what a file system says that has no pages to map; `/proc` says EIO for some of its files. No disk is asked by
/// mmap, so it cannot mean a bad one.
pub(crate) fn cannot_map(errno: Errno, path: &Path) -> Error {
    match errno {
        Errno::NODEV | Errno::IO => {
            Error::NotAFile { path: path.to_owned(), what: "in a file system that cannot map it" }
        }
        Errno::OPNOTSUPP => Error::Unsupported {
            what: "on this platform files are read, not mapped, so there are no views; use read() or readInto()",
        },
        errno => Error::system(errno, "mmap", path),
    }
}
