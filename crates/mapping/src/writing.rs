//! Files that are open for writing: writing by calls, having it on the device, and what must be remembered of stores that were lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::backend::{Loss, Pages, Views};
use crate::error::{Error, Result};
use crate::mapped_file::MappedFile;
use crate::os::{self, Errno};
use crate::range::Range;
use crate::stored_to::{Damage, StoredTo};

/// What a handle that may write has to remember, whichever of its looks at the file is in use: its mappings for views, as long
/// as somebody may store to them, and what a flush was told.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    views: StoredTo<Views>,
    /// The error number of a flush that failed: the kernel tells of it once, and then takes what was lost for clean.
    failed: AtomicI32,
}

impl Writing {
    /// From now on there may be stores to these.
    pub(crate) fn add(&self, views: &Arc<Views>) {
        self.views.add(views);
    }

    /// What was lost until now is not told any more.
    pub(crate) fn forgive(&self) {
        self.failed.store(0, Ordering::Relaxed);
        self.views.forgive();
    }
}

impl Damage for Views {
    fn is_damaged(&self) -> bool {
        self.pages().is_damaged()
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
    /// [`Error::ReadOnly`] where the file is open for reading only. [`Error::Range`] with the bytes that were not written: those before them were.
    pub fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.writing("write")?;
        let (done, outcome) = os::write_at(self.file(), bytes, offset);
        let left = Range { offset: offset + done as u64, length: bytes.len() - done };
        outcome.map_err(|errno| self.failed(errno, "write", left))
    }

    /// Has what was written to a range, by calls and through views, on the device, and says so only then. Waits for it.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] where the file is open for reading only. [`Error::Lost`] where something written to the range was or may be lost: also by an
    /// earlier failure, until [`MappedFile::refreshed`].
    pub fn flush(&self, range: Range) -> Result<()> {
        let writing = self.writing("fdatasync")?;
        let all = writing.views.all();
        let mut outcome = Ok(());
        for pages in all.iter().map(|views| views.pages()) {
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
        let size = self.stat_anew()?.size;
        if range.length > 0 && size < range.end() {
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
        all.iter().try_for_each(|views| self.nothing_lost(views.pages(), range))
    }

    /// Every store to a range of views reaches the file; of a file that is open for reading only, none is meant to.
    ///
    /// # Errors
    /// [`Error::Lost`] with the first part that is cut off from it.
    pub(crate) fn nothing_lost(&self, pages: &Pages, range: Range) -> Result<()> {
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
        Error::Lost { errno, syscall, path: self.path().to_owned(), range: range.into() }
    }
}
