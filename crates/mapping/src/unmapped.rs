//! Stand-ins for mappings on platforms where files are only read: types without values, so none of this code is ever
//! reached.

use std::fs::File;
use std::ops::Deref;
use std::ops::Range as Span;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::mapped_file::MappedFile;
use crate::open_file::OpenFile;
use crate::os::{Errno, FileSystem, Stat};
use crate::page_counts::Run;
use crate::range::Range;
use crate::reaper::Deferred;

/// Mapped addresses of a file.
#[derive(Debug)]
pub(crate) enum Pages {}

/// Why a page no longer belongs to the file.
#[expect(dead_code, reason = "there are no pages")]
pub(crate) enum Loss {
    Cut,
    Page,
    Store,
}

impl Pages {
    pub(crate) fn capacity(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn is_damaged(&self) -> bool {
        match *self {}
    }

    pub(crate) fn is_mapped(&self, _offset: u64, _length: usize) -> bool {
        match *self {}
    }

    pub(crate) fn is_cached(&self, _offset: u64, _length: usize) -> bool {
        match *self {}
    }

    pub(crate) fn mincore_is_reliable(&self) -> bool {
        match *self {}
    }

    pub(crate) fn missing(&self, _offset: u64, _length: usize) -> Vec<Span<u64>> {
        match *self {}
    }

    pub(crate) fn count(&self, _offset: u64, _length: usize) -> (usize, usize, Option<usize>) {
        match *self {}
    }

    pub(crate) fn make_cold(&self, _offset: u64, _length: usize) {
        match *self {}
    }

    pub(crate) fn populate(&self, _offset: u64, _length: usize) -> std::result::Result<(), Errno> {
        match *self {}
    }

    pub(crate) fn populate_many(&self, _ranges: &[Range]) -> bool {
        match *self {}
    }

    pub(crate) fn expect_random(&self, _at_random: bool) {
        match *self {}
    }

    pub(crate) fn sync(&self, _offset: u64, _length: usize) -> std::result::Result<(), Errno> {
        match *self {}
    }

    pub(crate) fn drop_pages(&self, _range: Range, _size: u64) {
        match *self {}
    }

    pub(crate) fn forget_file(&self) {
        match *self {}
    }

    pub(crate) fn pages_of(&self, _offset: u64, _length: usize) -> Run {
        match *self {}
    }

    pub(crate) fn first_loss(&self, _offset: u64, _length: usize) -> Option<(Run, Loss)> {
        match *self {}
    }
}

/// Nothing is mapped, so nothing is replaced.
pub(crate) fn was_cut(_address: *const u8, _length: usize) -> bool {
    false
}

/// A shared mapping of a file.
#[derive(Debug)]
pub(crate) enum Mapping {}

impl Mapping {
    pub(crate) fn acquire(
        _file: &File,
        _stat: &Stat,
        _file_system: &FileSystem,
        path: &Path,
    ) -> Result<Arc<Self>> {
        Err(Error::system(Errno::OPNOTSUPP, "mmap", path))
    }

    pub(crate) fn serves(&self, _size: u64) -> bool {
        match *self {}
    }

    pub(crate) fn is_of(&self, _stat: &Stat, _file_system: &FileSystem) -> bool {
        match *self {}
    }

    pub(crate) fn mark_read(&self, _offset: u64) -> bool {
        match *self {}
    }

    pub(crate) fn can_lock_more_runs() -> bool {
        true
    }

    pub(crate) fn pin(&self, _pages: Run) -> std::result::Result<(), Errno> {
        match *self {}
    }

    pub(crate) fn unpin(&self, _pages: Run) {
        match *self {}
    }
}

impl Deref for Mapping {
    type Target = Pages;

    fn deref(&self) -> &Pages {
        match *self {}
    }
}

/// The mapping for views.
#[derive(Debug)]
pub enum Views {}

impl Views {
    pub(crate) fn new(
        _file: &Arc<Deferred<OpenFile>>,
        _stat: &Stat,
        _file_system: &FileSystem,
        _writable: bool,
        path: &Path,
    ) -> Result<Self> {
        Err(Error::system(Errno::OPNOTSUPP, "mmap", path))
    }

    /// Identifies a mapping.
    #[must_use]
    pub fn id(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn pages(&self) -> &Pages {
        match *self {}
    }

    pub(crate) fn replace_by_zeros(&self) -> std::result::Result<(), Errno> {
        match *self {}
    }

    /// The address of a byte of the file.
    #[must_use]
    pub fn address_of(&self, _offset: u64) -> *mut u8 {
        match *self {}
    }
}

/// The source of synchronous copies.
pub(crate) enum Source {}

impl Source {
    pub(crate) fn of(_file: &MappedFile) -> Option<Self> {
        None
    }

    /// # Safety
    /// As [`MappedFile::try_copy`].
    pub(crate) unsafe fn copy(
        &self,
        _ranges: impl ExactSizeIterator<Item = Range>,
        _target: *mut u8,
    ) -> Result<usize> {
        match *self {}
    }

    pub(crate) fn lacks(&self, _offset: u64) -> bool {
        match *self {}
    }

    pub(crate) fn still_holds(&self, _range: Range) -> Result<bool> {
        match *self {}
    }
}

/// # Safety
/// As [`crate::try_read_path`].
pub(crate) unsafe fn copy_by_path(
    _path: &Path,
    mapping: &Mapping,
    _file_system: &FileSystem,
    _offset: u64,
    _length: usize,
    _target: *mut u8,
) -> Result<Option<usize>> {
    match *mapping {}
}

/// Why touching a range cannot wait for a disk.
pub(crate) enum Touchable {
    Cached,
}

/// Whether touching the range cannot wait for a disk.
pub(crate) fn is_touchable(pages: &Pages, _offset: u64, _length: usize) -> Option<Touchable> {
    match *pages {}
}

/// Does nothing: no residency answers exist.
pub(crate) fn invalidate_answers() {}
