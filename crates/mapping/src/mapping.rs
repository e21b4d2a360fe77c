//! The one shared, read-only mapping of a file that all readers of the process copy from.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use memmap2::{MmapOptions, MmapRaw};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::housekeeper::Offloaded;
use crate::os::{self, Stat, page_size};
use crate::pages::Pages;
use crate::registry::{self, Key};

/// A shared, read-only mapping of a file from its first byte, with room behind its end for what may be appended. There is
/// one for the whole process; it may be used from any thread, and is unmapped off the thread that lets go of it last.
#[derive(Debug)]
pub(crate) struct Mapping {
    pages: Offloaded<Pages>,
    key: Key,
}

impl Mapping {
    /// Maps a regular file. The room behind its end costs address space only, and spares an appended file a new mapping.
    pub(crate) fn new(file: &File, stat: &Stat, key: Key, path: &Path) -> Result<Self> {
        let room = (stat.size / 8).clamp(1 << 20, 1 << 30);
        let map = map_shared(file, stat.size.saturating_add(room))
            // Where address space is rationed, the file alone may still fit.
            .or_else(|errno| if errno == Errno::NOMEM { map_shared(file, stat.size) } else { Err(errno) })
            .map_err(|errno| cannot_map(errno, path))?;
        let file = file.try_clone().map_err(|error| Error::system(os::errno_of(&error), "dup", path))?;
        let pages = Pages::new(map, Arc::new(file), false, stat.device, stat.owner);
        Ok(Self { pages: Offloaded::new(pages), key })
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

fn map_shared(file: &File, length: u64) -> std::result::Result<MmapRaw, Errno> {
    MmapOptions::new()
        .len(mapped_length(length)?)
        .map_raw_read_only(file)
        .map_err(|error| os::errno_of(&error))
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
        errno => Error::system(errno, "mmap", path),
    }
}
