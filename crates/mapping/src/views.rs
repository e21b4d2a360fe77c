//! The mapping behind the views of one handle: copy-on-write, or, in mode `r+`, one that writes through to the file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::Result;
use crate::housekeeper::Offloaded;
use crate::mapping::{cannot_map, map_with_room, mapped_length};
use crate::os::{self, Access, Stat};
use crate::pages::Pages;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A writable mapping of a whole file. It is not the mapping that reads copy from, or they would see what JavaScript
/// scribbles on a copy-on-write view. Unmapped off the thread that lets go of it last.
#[derive(Debug)]
pub struct Views {
    pages: Offloaded<Pages>,
    id: u32,
}

impl Views {
    /// Maps the file so that what is written stays in the mapping.
    pub(crate) fn copy_on_write(file: Arc<File>, stat: &Stat, path: &Path) -> Result<Self> {
        let map = mapped_length(stat.size).and_then(|length| os::map_copy_on_write(&file, length));
        let map = map.map_err(|errno| cannot_map(errno, path))?;
        Ok(Self::new(Pages::new(map, file, Access::CopyOnWrite, stat)))
    }

    /// Maps the file, which is open for writing, so that what is written reaches it. With room behind its end, because it is
    /// the writer who makes it grow.
    pub(crate) fn write_through(file: Arc<File>, stat: &Stat, path: &Path) -> Result<Self> {
        let map = map_with_room(stat.size, |length| os::map_write_through(&file, length));
        let map = map.map_err(|errno| cannot_map(errno, path))?;
        Ok(Self::new(Pages::new(map, file, Access::WriteThrough, stat)))
    }

    fn new(pages: Pages) -> Self {
        Self { pages: Offloaded::new(pages), id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Tells one such mapping from the next of the same handle; never 0.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The address of a byte of the file. It stays valid as long as this value lives; touching it before it was populated
    /// waits for the disk, on whatever thread that is.
    #[must_use]
    pub fn address_of(&self, offset: u64) -> *mut u8 {
        self.pages.address(offset)
    }
}
