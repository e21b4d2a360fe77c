//! Answers on the JS thread: copies of what is in memory, by means that neither wait nor tell what `read(2)` would not tell.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use crate::error::{Error, Result};
use crate::limits::NOWAIT;
use crate::mapping::Mapping;
use crate::os::{self, FileSystem};
use crate::range::Range;
use crate::residency;

/// What copies are made of.
pub(crate) struct Source<'file, L = File> {
    pub(crate) mapping: &'file Mapping,
    /// Open for reading, where it is.
    pub(crate) file: Option<&'file File>,
    /// What the size is asked of.
    pub(crate) looked_at: &'file L,
    /// Its position is nobody's.
    pub(crate) may_seek: bool,
    pub(crate) file_system: &'file FileSystem,
    pub(crate) path: &'file Path,
    /// The end of what may be asked for.
    pub(crate) size: u64,
}

impl<L: AsFd> Source<'_, L> {
    /// As [`crate::MappedFile::try_copy`].
    ///
    /// # Safety
    /// As there.
    pub(crate) unsafe fn copy(
        &self,
        ranges: impl ExactSizeIterator<Item = Range>,
        target: *mut u8,
    ) -> Result<usize> {
        // Without the guard, a file that is cut during a copy from mapped memory ends the process.
        let may_copy = self.file_system.copies_like_read && os::capabilities().guard;
        let is_one = ranges.len() == 1;
        let (mut copied, mut at, mut last) = (0, target, None::<Range>);
        for range in ranges {
            let by_read = if may_copy && (range.length > NOWAIT || !is_one) { None } else { self.reader() };
            let is_here = match by_read {
                _ if range.length == 0 => true,
                // SAFETY: passed on from the caller.
                Some(file) => match unsafe { self.read(file, range, at) }? {
                    None if may_copy => {
                        last = Some(range);
                        // SAFETY: as above.
                        unsafe { self.copy_mapped(range, at) }
                    }
                    outcome => outcome.unwrap_or(false),
                },
                None => {
                    if last.is_none_or(|last| last.end() < range.end()) {
                        last = Some(range);
                    }
                    // SAFETY: as above; without the guard this is not reached, because nothing may be copied then.
                    may_copy && unsafe { self.copy_mapped(range, at) }
                }
            };
            if !is_here {
                break;
            }
            at = at.wrapping_add(range.length);
            copied += 1;
        }
        match last {
            Some(last) if copied > 0 && !self.still_holds(last)? => Ok(0),
            _ => Ok(copied),
        }
    }

    /// The open file, where reads that must not wait are worth a try.
    fn reader(&self) -> Option<&File> {
        self.file.filter(|_| self.file_system.nowait)
    }

    /// A copy by a read that must not wait. `None` where the kernel does not know how.
    ///
    /// # Safety
    /// The target has room for the range.
    unsafe fn read(&self, file: &File, range: Range, target: *mut u8) -> Result<Option<bool>> {
        if !residency::is_resident(self.mapping, range.offset, range.length, self.size) {
            return Ok(Some(false));
        }
        // SAFETY: passed on from the caller.
        match unsafe { os::read_now(file, range.offset, target, range.length) } {
            Ok(count) if count == range.length => Ok(Some(true)),
            // The file was cut, or the pages are gone.
            Ok(_) => self.still_holds(range).map(|_| Some(false)),
            outcome => Ok(os::knows_nowait(outcome).then_some(false)),
        }
    }

    /// A copy of mapped bytes.
    ///
    /// # Safety
    /// As above; the guard stands.
    unsafe fn copy_mapped(&self, range: Range, target: *mut u8) -> bool {
        residency::is_touchable(self.mapping, range.offset, range.length, self.size)
            // SAFETY: passed on from the caller; the range lies within the file, and so within its mapping.
            && unsafe { self.mapping.copy(range.offset, range.length, target) }
    }

    /// The file holds this range at this moment: zeros of a page that was cut in its middle show in no other way. False where
    /// another file has come to be behind the descriptor.
    pub(crate) fn still_holds(&self, range: Range) -> Result<bool> {
        let failed = |errno, syscall| {
            let (path, range) = (self.path.to_owned(), range.into());
            Error::Range { errno, syscall, path, range }
        };
        let size = if self.may_seek && self.file_system.size_by_seek {
            os::size_by_seek(self.looked_at).map_err(|errno| failed(errno, "lseek"))?
        } else {
            let stat = os::stat_now(self.looked_at).map_err(|errno| failed(errno, "statx"))?;
            if self.file_system.layered && !self.mapping.is_of(&stat, self.file_system) {
                return Ok(false);
            }
            stat.size
        };
        if size < range.end() {
            let (path, range) = (self.path.to_owned(), range.into());
            return Err(Error::Truncated { path, range, size });
        }
        Ok(true)
    }
}
