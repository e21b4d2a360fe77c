//! Advice to the kernel about how a range or a whole file will be used.

use crate::backend::invalidate_answers;
use crate::error::Result;
use crate::mapped_file::MappedFile;
use crate::os::{self, Advice};
use crate::range::Range;

impl MappedFile {
    /// Starts the I/O of exactly this range and returns at once. The kernel cuts a request that is longer than the
    /// device's read-ahead, so this function sends slices.
    pub(crate) fn request(&self, range: Range) {
        let mut at = range.offset;
        while at < range.end() {
            let slice = self.read_ahead().min(range.end() - at);
            os::start_read(self.file(), at, slice);
            at += slice;
        }
    }

    /// Advises the kernel how a range of this handle's file will be used.
    ///
    /// # Errors
    /// [`crate::Error::Range`] where the kernel refuses.
    pub fn advise(&self, range: Range, advice: Advice) -> Result<()> {
        let Range { offset, length } = range;
        match advice {
            Advice::WillNeed => {
                self.request(range);
                return Ok(());
            }
            Advice::Normal | Advice::Random | Advice::Sequential => {
                self.expect_random_views(advice == Advice::Random);
            }
            _ => {}
        }
        let outcome = os::advise(self.file(), offset, length as u64, advice);
        if advice == Advice::DontNeed {
            invalidate_answers();
        }
        outcome.map_err(|errno| self.failed(errno, "fadvise64", range))
    }
}
