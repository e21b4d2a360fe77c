//! The mapping behind the views of one handle: copy-on-write, or, for a file that is open for writing, one that writes through to the file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::mapping::map_with_room;
use crate::os::{self, FileSystem, Stat};
use crate::pages::Pages;
use crate::reaper::Deferred;
use crate::table::Access;

/// A writable mapping of a whole file. It is not the mapping that reads copy from, or they would see what JavaScript
/// scribbles on a copy-on-write view. Unmapped off the thread that lets go of it last.
#[derive(Debug)]
pub struct Views(Deferred<Mapped>);

/// The pages, and the open file that their guard looks at.
#[derive(Debug)]
struct Mapped {
    // Dropped in this order.
    pages: Pages,
    _file: Arc<Deferred<File>>,
    /// Stores are sent to a server as they are unmapped, under `mmap_lock`, unless that was done before.
    flush: bool,
}

impl Views {
    /// Maps the file for one handle. Where the file is open for reading only, what is written stays in the mapping.
    pub(crate) fn new(
        file: &Arc<Deferred<File>>,
        stat: &Stat,
        file_system: &FileSystem,
        writable: bool,
        path: &Path,
    ) -> Result<Self> {
        let access = if writable { Access::WriteThrough } else { Access::CopyOnWrite };
        let map = map_with_room(stat.size, |length| {
            if writable { os::map_write_through(file, length) } else { os::map_copy_on_write(file, length) }
        });
        let pages = Pages::new(map.map_err(|errno| Error::system(errno, "mmap", path))?, Some(file), access);
        let flush = writable && !file_system.local;
        let mapped = Mapped { pages, _file: Arc::clone(file), flush };
        Ok(Self(Deferred::new(mapped, file_system.local)))
    }

    /// Tells one such mapping from the next; never 0.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pages().id()
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.0.pages
    }

    /// The address of a byte of the file. It stays valid as long as this value lives; touching it before it was populated
    /// waits for the disk, on whatever thread that is.
    #[must_use]
    pub fn address_of(&self, offset: u64) -> *mut u8 {
        self.pages().address(offset)
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.flush {
            let length = usize::try_from(self.pages.capacity()).unwrap_or(usize::MAX);
            // Whoever wants to know whether it worked calls flush().
            _ = self.pages.sync(0, length);
        }
    }
}
