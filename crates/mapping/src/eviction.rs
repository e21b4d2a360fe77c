//! Taking pages out of memory before they are pushed out, and mappings away from under their views.

use crate::backend::forget_all;
use crate::error::{Error, Result};
use crate::mapped_file::MappedFile;
use crate::os::{self, Advice};
use crate::range::Range;

impl MappedFile {
    /// Takes the pages that lie wholly in a range out of this process, and out of the page cache as far as they are clean and
    /// mapped by nobody else. Views stay valid: the next touch reads from the disk. Locked pages, and what was stored to
    /// copy-on-write views, stay in memory.
    ///
    /// # Errors
    /// [`Error::Range`] where the kernel refuses.
    pub fn evict(&self, range: Range) -> Result<()> {
        let size = self.byte_length();
        for views in self.living_views() {
            views.pages().drop_pages(range, size);
        }
        if let Some(mapping) = self.mapping() {
            mapping.drop_pages(range, size);
        }
        let outcome = os::advise(self.file(), range.offset, range.length as u64, Advice::DontNeed);
        forget_all();
        outcome.map_err(|errno| self.failed(errno, "fadvise64", range))
    }

    /// Puts zeros in the place of all mapped bytes that this handle has handed out, and lets go of the open file although there
    /// are views: these stay valid memory. Nothing else can be done with the handle afterwards.
    ///
    /// # Errors
    /// [`Error::System`] where a server does not take what was stored, or the kernel refuses.
    pub fn unmap_views(&self) -> Result<()> {
        let failed = |syscall| move |errno| Error::system(errno, syscall, self.path());
        for views in self.living_views() {
            if self.is_writable() && !self.file_system().local {
                let length = usize::try_from(views.pages().capacity()).unwrap_or(usize::MAX);
                views.pages().sync(0, length).map_err(failed("msync"))?;
            }
            views.pages().replace_by_zeros().map_err(failed("mmap"))?;
        }
        // Views keep the descriptor for their guard. Its number stays taken, so that no other file can come to have it.
        os::redirect_to_null(self.file()).map_err(failed("dup3"))
    }
}
