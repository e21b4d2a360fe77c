//! Files that are open for writing: writes, flushes, and the record of lost stores.

use std::fs::File;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::backend::{Loss, Pages, Views};
use crate::error::{Error, Result};
use crate::mapped_file::{MappedFile, with_descriptors};
use crate::mappings_with_stores::{Damage, MappingsWithStores};
use crate::os::{self, Errno};
use crate::range::Range;
use crate::reaper::Deferred;
use crate::shared_size::SharedSize;

/// The write state of a handle, shared by all values that `refreshed` returns: its mappings for views with possible
/// stores, and the last failure of a flush.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    views: MappingsWithStores<Views>,
    /// The error number of a failed flush: the kernel reports it once, and then treats the lost pages as clean.
    failed: AtomicI32,
    /// The same file, opened with `O_APPEND`. A background thread closes it: a server may be slow to answer that.
    appender: OnceLock<Option<Deferred<File>>>,
}

impl Writing {
    /// Adds a mapping that may be stored to from now on.
    pub(crate) fn add(&self, views: &Arc<Views>) {
        self.views.add(views);
    }

    /// The file opened for appending, at the first call; `None` where the system cannot do that. An error where
    /// descriptors ran out: the next call tries again.
    fn appender(&self, file: &File, local: bool) -> std::result::Result<Option<&File>, Errno> {
        if self.appender.get().is_none() {
            let opened = match with_descriptors(|| os::open_appending(file)) {
                Err(errno @ (Errno::MFILE | Errno::NFILE)) => return Err(errno),
                outcome => outcome.ok().map(|file| Deferred::new(file, local)),
            };
            // Where another job was faster, this one is closed.
            _ = self.appender.set(opened);
        }
        Ok(self.appender.get().and_then(|appender| appender.as_deref()))
    }

    /// Forgets earlier losses.
    pub(crate) fn clear_losses(&self) {
        self.failed.store(0, Ordering::Relaxed);
        self.views.clear_losses();
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

    /// Writes bytes at an offset, also past the end, which then moves: [`MappedFile::grown`] returns the new size. May
    /// wait for the disk. Every mapping of the file shows the bytes at once.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] where the file is open for reading only. [`Error::Range`] with the bytes that were not
    /// written: the bytes before them were written.
    pub fn write(&self, bytes: &[u8], offset: u64) -> Result<()> {
        self.writing("write")?;
        let (done, outcome) = os::write_at(self.file(), bytes, offset);
        self.publish_size_after(offset + done as u64);
        let left = Range { offset: offset + done as u64, length: bytes.len() - done };
        outcome.map_err(|errno| self.failed(errno, "write", left))
    }

    /// Appends bytes to the file, and returns the offset of the first one. No other append of this process comes
    /// between them; where the system appends atomically (Linux, on local file systems), no append of another process
    /// does either. May wait for the disk.
    ///
    /// # Errors
    /// As [`MappedFile::write`].
    pub fn append(&self, bytes: &[u8]) -> Result<u64> {
        let writing = self.writing("write")?;
        let _one_at_a_time = self.shared_size().map(SharedSize::append_lock);
        let appender = writing.appender(self.file(), self.file_system().local);
        let appender = appender.map_err(|errno| Error::system(errno, "open", self.path()))?;
        let (start, done, outcome) = if let Some(appender) = appender {
            os::append_to(appender, bytes)
        } else {
            let end = self.fresh_stat()?.size;
            let (done, outcome) = os::write_at(self.file(), bytes, end);
            (end, done, outcome)
        };
        self.publish_size_after(start + done as u64);
        let left = Range { offset: start + done as u64, length: bytes.len() - done };
        outcome.map_err(|errno| self.failed(errno, "write", left)).map(|()| start)
    }

    /// Sets the size of the file: truncates it, or adds zeros. May wait for the disk.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] where the file is open for reading only; [`Error::System`] where the kernel refuses.
    pub fn truncate(&self, size: u64) -> Result<()> {
        self.writing("ftruncate")?;
        let _one_at_a_time = self.shared_size().map(SharedSize::append_lock);
        os::truncate(self.file(), size).map_err(|errno| Error::system(errno, "ftruncate", self.path()))?;
        self.publish_size_after(u64::MAX);
        Ok(())
    }

    /// Allocates disk space for the first `length` bytes of the file without changing its size. May wait for the disk.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] where the file is open for reading only; [`Error::System`] where there is no space;
    /// [`Error::Unsupported`] on platforms other than Linux.
    pub fn reserve(&self, length: u64) -> Result<()> {
        self.writing("fallocate")?;
        match os::reserve(self.file(), length) {
            Some(outcome) => outcome.map_err(|errno| Error::system(errno, "fallocate", self.path())),
            None => Err(Error::Unsupported { what: "reserve() works on Linux only" }),
        }
    }

    // Errors of this check are ignored: the handle that wrote checks the size itself, and others do so at their next
    // refresh.
    fn publish_size_after(&self, end: u64) {
        if let Some(shared_size) = self.shared_size()
            && end > shared_size.size()
        {
            _ = shared_size.check(self.file());
        }
    }

    /// Waits until all bytes that were written to a range, by calls and through views, are on the device.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] where the file is open for reading only. [`Error::Lost`] where bytes written to the range
    /// may be lost, also by an earlier failure, until [`MappedFile::refreshed`].
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
        // This also covers bytes that were written by calls past the end of the mapping, and the size of the file.
        outcome = outcome.and(os::sync_file(self.file()).map_err(|errno| (errno, "fdatasync")));
        if let Err((errno, syscall)) = outcome {
            writing.failed.store(errno.raw_os_error(), Ordering::Relaxed);
            return Err(self.lost(Some(errno), syscall, range));
        }
        let failed = writing.failed.load(Ordering::Relaxed);
        if failed != 0 {
            return Err(self.lost(Some(Errno::from_raw_os_error(failed)), "fdatasync", range));
        }
        // A store to the last page of a file that was truncated inside it is lost without a signal.
        let size = self.fresh_stat()?.size;
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
        all.iter().try_for_each(|views| self.check_no_loss(views.pages(), range))
    }

    /// Checks that every store to a range of views reaches the file. Stores to views of a read-only file stay private,
    /// so there is nothing to check.
    ///
    /// # Errors
    /// [`Error::Lost`] with the first part that is disconnected from the file.
    pub(crate) fn check_no_loss(&self, pages: &Pages, range: Range) -> Result<()> {
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
            Loss::Store => self.lost(Some(os::store_error(self.file(), range.offset)), "store", range),
        })
    }

    fn lost(&self, errno: Option<Errno>, syscall: &'static str, range: Range) -> Error {
        Error::Lost { errno, syscall, path: self.path().to_owned(), range: range.into() }
    }
}
