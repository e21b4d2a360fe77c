//! Mode `r+`: writing by calls, having it on the device, and what must be remembered of stores that were lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::batch::Range;
use crate::error::{ByteRange, Error, Result};
use crate::mapped_file::MappedFile;
use crate::os::{self, Advice, Errno};
use crate::pages::Loss;
use crate::views::Views;

/// What a handle that may write has to remember.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    /// Mappings of views that the file has outgrown, as long as somebody may store to them.
    outgrown: Vec<Arc<Views>>,
    /// The error number of a flush that failed: the kernel tells of it once, and then takes what was lost for clean.
    failed: Arc<AtomicI32>,
}

impl Writing {
    /// What goes on to be remembered when the file is looked at again. With `forgiving`, losses are not.
    pub(crate) fn carried(&self, replaced: Option<Arc<Views>>, forgiving: bool) -> Self {
        // A view of JavaScript's holds one reference more than `holders`, so stores may come.
        let matters = |views: &Arc<Views>, holders: usize| {
            if views.pages().is_damaged() { !forgiving } else { Arc::strong_count(views) > holders }
        };
        let mut outgrown: Vec<Arc<Views>> =
            self.outgrown.iter().filter(|views| matters(views, 1)).map(Arc::clone).collect();
        outgrown.extend(replaced.filter(|views| matters(views, 2)));
        Self { outgrown, failed: if forgiving { Arc::default() } else { Arc::clone(&self.failed) } }
    }
}

impl MappedFile {
    fn writing(&self, syscall: &'static str) -> Result<&Writing> {
        self.written().ok_or_else(|| Error::ReadOnly { syscall, path: self.path().to_owned() })
    }

    /// Writes bytes at an offset, also past the end, which is further on then: [`MappedFile::grown`] sees them. May wait for
    /// the disk. They are seen by every mapping of the file at once.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] in mode `r`. [`Error::Range`] with the bytes that were not written: those before them were.
    pub fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.writing("write")?;
        let (done, outcome) = os::write_at(self.file(), bytes, offset);
        outcome.map_err(|errno| self.failed(errno, "write", offset + done as u64, bytes.len() - done))
    }

    /// Has what was written to a range, by calls and through views, on the device, and says so only then. Waits for it.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] in mode `r`. [`Error::Lost`] where something written to the range was or may be lost: also by an
    /// earlier failure, until [`MappedFile::refreshed`].
    pub fn flush(&self, range: Range) -> Result<()> {
        let writing = self.writing("fdatasync")?;
        let views = self.views_made();
        let all = || writing.outgrown.iter().chain(&views).map(|views| views.pages());
        let mut outcome = Ok(());
        for pages in all() {
            let length = pages.capacity().saturating_sub(range.offset).min(range.length as u64);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "no longer than the range, whose length is a usize"
            )]
            let synced = if length == 0 { Ok(()) } else { pages.sync(range.offset, length as usize) };
            outcome = outcome.and(synced.map_err(|errno| (errno, "msync")));
        }
        // Also what was written by calls, beyond what is mapped, and the length of the file.
        outcome = outcome.and(os::sync_file(self.file()).map_err(|errno| (errno, "fdatasync")));
        if let Err((errno, syscall)) = outcome {
            writing.failed.store(errno.raw_os_error(), Ordering::Relaxed);
            return Err(self.lost(Some(errno), syscall, range));
        }
        let failed = writing.failed.load(Ordering::Relaxed);
        if failed != 0 {
            return Err(self.lost(Some(Errno::from_raw_os_error(failed)), "fdatasync", range));
        }
        // A store to the last page of a file that was cut inside it is lost without a signal.
        let size = os::stat(self.file())
            .map_err(|errno| self.failed(errno, "fstat", range.offset, range.length))?
            .size;
        if size < range.end() {
            let start = size.max(range.offset);
            #[expect(
                clippy::cast_possible_truncation,
                reason = "part of the range, whose length is a usize"
            )]
            return Err(self.lost(
                None,
                "store",
                Range { offset: start, length: (range.end() - start) as usize },
            ));
        }
        all().try_for_each(|pages| self.nothing_lost(pages, range))
    }

    /// Every store to a range of views reaches the file; in mode `r` none is meant to.
    ///
    /// # Errors
    /// [`Error::Lost`] with the first part that is cut off from it.
    pub(crate) fn nothing_lost(&self, pages: &crate::pages::Pages, range: Range) -> Result<()> {
        if self.written().is_none() {
            return Ok(());
        }
        let length = pages.capacity().saturating_sub(range.offset).min(range.length as u64);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "no longer than the range, whose length is a usize"
        )]
        let Some((bytes, loss)) = pages.first_loss(range.offset, length as usize) else { return Ok(()) };
        let range = Range { offset: bytes.start as u64, length: bytes.len() };
        Err(match loss {
            Loss::Cut => self.lost(None, "store", range),
            Loss::Page => self.lost(Some(Errno::IO), "store", range),
            Loss::Store => self.lost(Some(os::why_no_store(self.file(), range.offset)), "store", range),
        })
    }

    fn lost(&self, errno: Option<Errno>, syscall: &'static str, range: Range) -> Error {
        let range = ByteRange { start: range.offset, length: range.length as u64 };
        Error::Lost { errno, syscall, path: self.path().to_owned(), range }
    }

    /// Tells the kernel how a range of this handle's file will be used.
    ///
    /// # Errors
    /// [`Error::Range`] where the kernel refuses.
    pub fn advise(&self, range: Range, advice: Advice) -> Result<()> {
        let Range { offset, length } = range;
        if advice == Advice::WillNeed {
            self.mapping().request(self.file(), offset, length);
            return Ok(());
        }
        if matches!(advice, Advice::Normal | Advice::Random | Advice::Sequential) {
            self.expect_random_views(advice == Advice::Random);
        }
        os::advise(self.file(), offset, length as u64, advice)
            .map_err(|errno| self.failed(errno, "fadvise64", offset, length))
    }
}
