//! Answers on the JS thread: copies of what is in memory, by means that neither wait nor tell what `read(2)` would not tell.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use crate::error::{Error, Result};
use crate::guard::writes_through;
use crate::limits::{NOWAIT, PIECE};
use crate::mapped_file::MappedFile;
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
}

impl<'file> Source<'file> {
    /// Where the file is mapped.
    pub(crate) fn of(file: &'file MappedFile) -> Option<Self> {
        Some(Source {
            mapping: file.mapping()?,
            file: Some(file.file()),
            looked_at: file.file(),
            may_seek: file.may_seek(),
            file_system: file.file_system(),
            path: file.path(),
        })
    }
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
        if !writes_through(target) {
            // SAFETY: passed on from the caller.
            return unsafe { self.copy_apart(ranges, target) };
        }
        // The target may be the very bytes that are copied, at other addresses.
        let ranges: Vec<Range> = ranges.collect();
        let mut between = vec![0; ranges.iter().map(|range| range.length).sum()];
        // SAFETY: there is room for all of them; the caller vouches for their ends.
        let copied = unsafe { self.copy_apart(ranges.iter().copied(), between.as_mut_ptr()) }?;
        let length = ranges[..copied].iter().map(|range| range.length).sum();
        // SAFETY: memory that was just made, and a target for which the caller vouches.
        unsafe { std::ptr::copy_nonoverlapping(between.as_ptr(), target, length) };
        Ok(copied)
    }

    /// The same into memory that is not the file's own.
    ///
    /// # Safety
    /// As above.
    unsafe fn copy_apart(
        &self,
        ranges: impl ExactSizeIterator<Item = Range>,
        target: *mut u8,
    ) -> Result<usize> {
        // Without the guard, a file that is cut during a copy from mapped memory ends the process.
        let may_copy = self.file_system.copies_like_read && os::capabilities().guard;
        let is_one = ranges.len() == 1;
        let (mut copied, mut at, mut last) = (0, target, None::<Range>);
        let mut ranges = ranges.peekable();
        while let Some(mut range) = ranges.next() {
            let mut count = 1;
            // What lies back to back in the file as well is looked at and copied together.
            while let Some(next) = ranges.next_if(|next| next.offset == range.end() && range.length < PIECE) {
                range.length += next.length;
                count += 1;
            }
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
            copied += count;
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
        if !residency::is_resident(self.mapping, range.offset, range.length) {
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

    /// Whether a byte is known not to be in memory.
    pub(crate) fn lacks(&self, offset: u64) -> bool {
        residency::is_absent(self.mapping, offset)
    }

    /// A copy of mapped bytes.
    ///
    /// # Safety
    /// As above; the guard stands.
    unsafe fn copy_mapped(&self, range: Range, target: *mut u8) -> bool {
        residency::is_touchable(self.mapping, range.offset, range.length).is_some()
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
        if range.length > 0 && size < range.end() {
            let (path, range) = (self.path.to_owned(), range.into());
            return Err(Error::Truncated { path, range, size });
        }
        Ok(true)
    }
}

/// As [`crate::try_read_path`], of a path that led to a mapped file before.
///
/// # Safety
/// As there.
pub(crate) unsafe fn copy_by_path(
    path: &Path,
    mapping: &Mapping,
    file_system: &FileSystem,
    offset: u64,
    length: usize,
    target: *mut u8,
) -> Result<Option<usize>> {
    let Some(name) = os::find_now(path) else { return Ok(None) };
    let Ok(stat) = os::stat_now(&name) else { return Ok(None) };
    let is_same = mapping.is_of(&stat, file_system) && mapping.serves(stat.size);
    if !is_same || !os::may_read_now(&name) {
        return Ok(None);
    }
    let offset = offset.min(stat.size);
    let length = usize::try_from(stat.size - offset).map_or(length, |rest| rest.min(length));
    // On a file system where only reads tell the truth, it is opened once more; the mapping keeps it from being deleted here.
    let file = if file_system.copies_like_read { None } else { os::reopen(&name).ok() };
    let file = file.as_ref();
    let source = Source { mapping, file, looked_at: &name, may_seek: false, file_system, path };
    // SAFETY: passed on from the caller; the range ends within the file.
    let copied = unsafe { source.copy(std::iter::once(Range { offset, length }), target) }?;
    Ok((copied == 1).then_some(length))
}
