//! Evicting pages on request, and replacing mappings while views of them exist.

use crate::backend::invalidate_answers;
use crate::error::{Error, Result};
use crate::mapped_file::{MappedFile, with_descriptors};
use crate::os::{self, Advice};
use crate::range::Range;

impl MappedFile {
    /// Removes the pages that lie wholly in a range from this process, and from the page cache if they are clean and no
    /// other process maps them. Views stay valid: their next touch reads from the disk. Locked pages, and stores to
    /// copy-on-write views, stay in memory.
    ///
    /// # Errors
    /// [`Error::Range`] where the kernel refuses.
    pub fn evict(&self, range: Range) -> Result<()> {
        let size = self.byte_length();
        for views in self.live_views() {
            views.pages().drop_pages(range, size);
        }
        if let Some(mapping) = self.mapping() {
            mapping.drop_pages(range, size);
        }
        let outcome = os::advise(self.file(), range.offset, range.length as u64, Advice::DontNeed);
        invalidate_answers();
        outcome.map_err(|errno| self.failed(errno, "fadvise64", range))
    }

    /// Replaces all mapped bytes that this handle has handed out by zeros, and closes the file. The views stay valid
    /// memory. The handle cannot be used afterwards.
    ///
    /// # Errors
    /// [`Error::System`] where a server does not accept the stored bytes, or the kernel refuses.
    pub fn unmap_views(&self) -> Result<()> {
        let failed = |syscall| move |errno| Error::system(errno, syscall, self.path());
        for views in self.live_views() {
            if self.is_writable() && !self.file_system().local {
                let length = usize::try_from(views.pages().capacity()).unwrap_or(usize::MAX);
                views.pages().sync(0, length).map_err(failed("msync"))?;
            }
            views.replace_by_zeros().map_err(failed("mmap"))?;
        }
        // The file is closed now. The number of the descriptor is closed with the handle: jobs may still use it.
        with_descriptors(|| os::redirect_to_null(self.file())).map_err(failed("dup3"))
    }
}
