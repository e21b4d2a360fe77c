//! Synchronous copies on the JS thread from memory, by calls that do not wait and return the same bytes as `read(2)`.

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

/// The source of synchronous copies.
pub(crate) struct Source<'file, L = File> {
    pub(crate) mapping: &'file Mapping,
    /// The file, if it is open for reading.
    pub(crate) file: Option<&'file File>,
    /// The descriptor whose size is checked.
    pub(crate) looked_at: &'file L,
    /// No other code uses the position of the descriptor.
    pub(crate) may_seek: bool,
    pub(crate) file_system: &'file FileSystem,
    pub(crate) path: &'file Path,
}

impl<'file> Source<'file> {
    /// The source for a mapped file.
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
    /// As [`crate::MappedFile::try_copy`].
    pub(crate) unsafe fn copy(
        &self,
        ranges: impl ExactSizeIterator<Item = Range>,
        target: *mut u8,
    ) -> Result<usize> {
        if !writes_through(target) {
            // SAFETY: passed on from the caller.
            return unsafe { self.copy_apart(ranges, target) };
        }
        // The target may be the same bytes of the file at other addresses.
        let ranges: Vec<Range> = ranges.collect();
        let mut between = vec![0; ranges.iter().map(|range| range.length).sum()];
        // SAFETY: the buffer has space for all ranges; the caller vouches for their ends.
        let copied = unsafe { self.copy_apart(ranges.iter().copied(), between.as_mut_ptr()) }?;
        let length = ranges[..copied].iter().map(|range| range.length).sum();
        // SAFETY: the source was allocated above, and the caller vouches for the target.
        unsafe { std::ptr::copy_nonoverlapping(between.as_ptr(), target, length) };
        Ok(copied)
    }

    /// Copies to a target that does not write through to the file.
    ///
    /// # Safety
    /// As for `copy`.
    unsafe fn copy_apart(
        &self,
        ranges: impl ExactSizeIterator<Item = Range>,
        target: *mut u8,
    ) -> Result<usize> {
        // Without the guard, a file that is truncated during a copy from mapped memory ends the process.
        let may_copy = self.file_system.copies_match_read && os::capabilities().guard;
        let is_one = ranges.len() == 1;
        let (mut copied, mut at, mut last) = (0, target, None::<Range>);
        let mut ranges = ranges.peekable();
        while let Some(mut range) = ranges.next() {
            let mut count = 1;
            // Ranges that are also adjacent in the file are checked and copied together.
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
                    // SAFETY: as above; without the guard this call is not reached, because `may_copy` is false.
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

    /// The open file, on file systems where non-blocking reads are useful.
    fn reader(&self) -> Option<&File> {
        self.file.filter(|_| self.file_system.nowait)
    }

    /// Copies by a non-blocking read. `None` where the kernel does not support such reads.
    ///
    /// # Safety
    /// The target has space for the range.
    unsafe fn read(&self, file: &File, range: Range, target: *mut u8) -> Result<Option<bool>> {
        if !residency::is_resident(self.mapping, range.offset, range.length) {
            return Ok(Some(false));
        }
        // SAFETY: passed on from the caller.
        match unsafe { os::read_now(file, range.offset, target, range.length) } {
            Ok(count) if count == range.length => Ok(Some(true)),
            // The file was truncated, or the pages were evicted.
            Ok(_) => self.still_holds(range).map(|_| Some(false)),
            outcome => Ok(os::supports_nowait(outcome).then_some(false)),
        }
    }

    /// Whether a byte is known to be absent from memory.
    pub(crate) fn lacks(&self, offset: u64) -> bool {
        residency::is_absent(self.mapping, offset)
    }

    /// Copies mapped bytes.
    ///
    /// # Safety
    /// As for `read`; the guard is installed.
    unsafe fn copy_mapped(&self, range: Range, target: *mut u8) -> bool {
        residency::is_touchable(self.mapping, range.offset, range.length).is_some()
            // SAFETY: passed on from the caller; the range lies within the file, and so within its mapping.
            && unsafe { self.mapping.copy(range.offset, range.length, target) }
    }

    /// Whether the file holds this range at this moment: the zeros of a page that was truncated inside can only be
    /// recognised by the size. False where the descriptor now refers to another file.
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

/// As [`crate::try_read_path`], for a path that referred to a mapped file before.
///
/// # Safety
/// As [`crate::try_read_path`].
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
    // On a file system where only reads return correct bytes, the file is opened again. The mapping keeps the file
    // alive, so closing it here does not delete it.
    let file = if file_system.copies_match_read { None } else { os::reopen(&name).ok() };
    let file = file.as_ref();
    let source = Source { mapping, file, looked_at: &name, may_seek: false, file_system, path };
    // SAFETY: passed on from the caller; the range ends within the file.
    let copied = unsafe { source.copy(std::iter::once(Range { offset, length }), target) }?;
    Ok((copied == 1).then_some(length))
}
