//! The mapping for the views of one handle: copy-on-write, or, for a file that is open for writing, one that writes
//! through to the file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::mapping::map_with_spare_pages;
use crate::open_file::OpenFile;
use crate::os::{self, Errno, FileSystem, Stat};
use crate::pages::Pages;
use crate::reaper::Deferred;
use crate::table::Access;

/// A writable mapping of a whole file. Reads copy from another mapping: otherwise they would see stores of JavaScript
/// to copy-on-write views. A background thread unmaps it.
#[derive(Debug)]
pub struct Views(Deferred<Mapped>);

#[derive(Debug)]
struct Mapped {
    // Dropped in this order.
    pages: Pages,
    /// The open file of pages that write through: after a store that fails, the guard copies the file's bytes. Other
    /// views do not keep their file open.
    file: Mutex<Option<Arc<Deferred<OpenFile>>>>,
    /// The file is on a server: unmapping would send stores to it under `mmap_lock`, unless they were sent before.
    flush: bool,
}

impl Views {
    /// Maps the file for one handle. Where the file is open for reading only, stores stay in the mapping.
    pub(crate) fn new(
        file: &Arc<Deferred<OpenFile>>,
        stat: &Stat,
        file_system: &FileSystem,
        writable: bool,
        path: &Path,
    ) -> Result<Self> {
        let access = if writable { Access::WriteThrough } else { Access::CopyOnWrite };
        let map = map_with_spare_pages(stat.size, |length| {
            if writable { os::map_write_through(file, length) } else { os::map_copy_on_write(file, length) }
        });
        let pages = Pages::new(map.map_err(|errno| Error::system(errno, "mmap", path))?, Some(file), access);
        let flush = writable && !file_system.local;
        let file = Mutex::new(writable.then(|| Arc::clone(file)));
        let mapped = Mapped { pages, file, flush };
        Ok(Self(Deferred::new(mapped, file_system.local)))
    }

    /// Identifies a mapping; never 0.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pages().id()
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.0.pages
    }

    /// Replaces all pages by zeros, and no longer keeps the file open.
    pub(crate) fn replace_by_zeros(&self) -> std::result::Result<(), Errno> {
        self.pages().replace_by_zeros()?;
        self.pages().forget_file();
        self.0.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(())
    }

    /// The address of a byte of the file. It is valid as long as this value lives. Touching it before it was populated
    /// waits for the disk, on any thread.
    #[must_use]
    pub fn address_of(&self, offset: u64) -> *mut u8 {
        self.pages().address(offset)
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.flush {
            let length = usize::try_from(self.pages.capacity()).unwrap_or(usize::MAX);
            // Errors are ignored here; callers who need them call flush().
            _ = self.pages.sync(0, length);
        }
    }
}
