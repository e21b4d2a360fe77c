//! The copy-on-write mapping behind the views of one handle: what is written to it stays in it.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use crate::error::Result;
use crate::housekeeper::Offloaded;
use crate::mapping::{cannot_map, mapped_length};
use crate::os::{self, Stat};
use crate::pages::Pages;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A private, writable mapping of a whole file. It is not the mapping that reads copy from, or they would see what
/// JavaScript scribbles on a view. Unmapped off the thread that lets go of it last.
#[derive(Debug)]
pub struct CopyOnWrite {
    pages: Offloaded<Pages>,
    id: u32,
}

impl CopyOnWrite {
    /// Maps the file. `NORESERVE`, because hardly any page is ever written: a 1 TiB file must not need 1 TiB of swap.
    pub(crate) fn new(file: Arc<File>, stat: &Stat, byte_length: u64, path: &Path) -> Result<Self> {
        let map = mapped_length(byte_length).and_then(|length| {
            // SAFETY: the bytes are only ever reached through raw pointers, which make no claim about who else writes the
            // file; a file cut short is what the guard is for.
            let map = unsafe { MmapOptions::new().len(length).no_reserve_swap().map_copy(&*file) };
            map.map_err(|error| os::errno_of(&error))
        });
        let map = MmapRaw::from(map.map_err(|errno| cannot_map(errno, path))?);
        let pages = Offloaded::new(Pages::new(map, file, true, stat.device, stat.owner));
        Ok(Self { pages, id: NEXT.fetch_add(1, Ordering::Relaxed) })
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
