//! Everything but Linux: files are read, not mapped. Nothing here is known to be in memory, so that every read goes to the
//! pool and copies through a system call; there are no views, because nothing stands between a cut file and a crash.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(unix)]
pub use unix::{Errno, page_size};
#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
#[cfg(windows)]
pub use windows::{Errno, page_size};

use super::{Capabilities, Stat};

/// What this platform can do.
pub fn capabilities() -> &'static Capabilities {
    &Capabilities { populate: "read", page_table: false, views: false, guard: false }
}

/// How long a file is, and no address at all.
#[derive(Debug)]
pub(crate) struct Map {
    length: usize,
}

impl Map {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// To reckon with, never to touch: nothing here is ever ready, populated or handed out.
    #[expect(clippy::unused_self, reason = "as the mapping of Linux")]
    pub(crate) fn as_ptr(&self) -> *const u8 {
        std::ptr::null()
    }

    pub(crate) fn as_mut_ptr(&self) -> *mut u8 {
        self.as_ptr().cast_mut()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn map_shared(_file: &File, length: usize) -> Result<Map, Errno> {
    Ok(Map { length })
}

pub(crate) fn map_write_through(_file: &File, _length: usize) -> Result<Map, Errno> {
    Err(Errno::OPNOTSUPP)
}

pub(crate) fn map_copy_on_write(_file: &File, _length: usize) -> Result<Map, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// What touches may do to a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    CopyOnWrite,
    WriteThrough,
}

/// A part of a mapping in whose place something else is mapped.
pub(crate) struct Detached {
    pub(crate) addresses: Range<usize>,
    pub(crate) of_file: bool,
}

pub(crate) fn first_detached(_of: Range<usize>) -> Result<Option<Detached>, Errno> {
    Ok(None)
}

/// Nothing is mapped, so nothing can be lost.
#[derive(Debug)]
pub(crate) struct Guarded;

impl Guarded {
    pub(crate) fn new(_start: usize, _end: usize, _file: &File, _access: Access) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as the guard of Linux")]
    pub(crate) fn damage(&self) -> u32 {
        0
    }

    #[expect(clippy::unused_self, reason = "as the guard of Linux")]
    pub(crate) fn was_cut(&self, _address: usize) -> bool {
        false
    }
}

/// Whether the file at `path` is still the same is not known without asking a disk.
pub(crate) fn stat_path_now(_path: &Path) -> Option<Stat> {
    None
}

/// Asked only after a copy from mapped memory.
/// How the size of an open file is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizing {
    /// By asking for all that is known of it.
    Stat,
}

pub(crate) fn sizing(_own: &File) -> Sizing {
    Sizing::Stat
}

pub(crate) fn size_now(file: &File, _sizing: Sizing) -> Result<u64, Errno> {
    stat(file).map(|stat| stat.size)
}

/// The same file again. Only where numbers do not identify files it would have to be found anew.
pub(crate) fn reopen(file: &File, _writable: bool) -> Result<File, Errno> {
    file.try_clone().map_err(|error| errno_of(&error))
}

pub(crate) fn identity_needs_change_time(_file: &File) -> bool {
    false
}

pub(crate) fn may_ask_residency(_file: &File, _owner: u32) -> bool {
    false
}

/// No request to start I/O is made, of whatever length.
pub(crate) fn read_ahead(_device: u64) -> u64 {
    u64::MAX
}

pub(crate) fn start_read(_file: &File, _offset: u64, _length: u64) {}

pub(crate) fn begin_window(_file: &File, _offset: u64, _length: u32) -> bool {
    false
}

pub(crate) fn pass_marks(_file: &File, _offset: u64, _length: usize) {}

/// There is nothing to populate: whoever asks reads the file instead, which leaves it in the page cache.
///
/// # Safety
/// None is needed.
pub(crate) unsafe fn populate(_start: *const u8, _length: usize) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

/// # Safety
/// None is needed.
pub(crate) unsafe fn lock(_start: *mut u8, _length: usize) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

/// # Safety
/// None is needed.
pub(crate) unsafe fn unlock(_start: *mut u8, _length: usize) {}

/// # Safety
/// None is needed.
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) unsafe fn sync(_start: *mut u8, _length: usize) -> Result<(), Errno> {
    Ok(())
}

pub(crate) fn lock_limit() -> Option<u64> {
    None
}

/// Asked only of stores to views.
pub(crate) fn why_no_store(_file: &File, _offset: u64) -> Errno {
    Errno::IO
}

/// How a file will be used. No more than a hint anywhere; here nobody takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// No advice.
    Normal,
    /// Reads go from start to end.
    Sequential,
    /// Reads go anywhere.
    Random,
    /// The range is wanted soon.
    WillNeed,
    /// The range is not wanted soon.
    DontNeed,
}

/// # Safety
/// None is needed.
pub(crate) unsafe fn expect_random(_start: *mut u8, _length: usize, _at_random: bool) {}

#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn advise(_file: &File, _offset: u64, _length: u64, _advice: Advice) -> Result<(), Errno> {
    Ok(())
}

/// Has what was written on the device, and the length of the file; waits for it.
pub(crate) fn sync_file(file: &File) -> Result<(), Errno> {
    file.sync_data().map_err(|error| errno_of(&error))
}

/// What a descriptor was opened for.
pub(crate) struct OpenedFor {
    pub(crate) reading: bool,
    pub(crate) writing: bool,
    /// All writes go to the end of the file, wherever they are sent.
    pub(crate) appending: bool,
}

pub(crate) fn all_present(_start: usize, _pages: usize) -> bool {
    false
}

pub(crate) fn count_present(_start: usize, _pages: usize) -> usize {
    0
}

pub(crate) fn all_cached(_start: usize, _pages: usize) -> bool {
    false
}

pub(crate) fn count_cached(_start: usize, _pages: usize) -> usize {
    0
}

/// Another one each time: evidence, of which there is none, is not remembered.
pub(crate) fn tick() -> u64 {
    static TICKS: AtomicU64 = AtomicU64::new(1);
    TICKS.fetch_add(1, Relaxed)
}

/// Reads the file. Waits for the disk. Fewer bytes than asked mean the end of the file.
pub(crate) fn read_at(file: &File, into: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let mut filled = 0;
    while filled < into.len() {
        match read_once(file, &mut into[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(errno_of(&error)),
        }
    }
    Ok(filled)
}

/// Writes all of `bytes` to the file; says how many went before an error. Waits for the disk.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> (usize, Result<(), Errno>) {
    let mut done = 0;
    while done < bytes.len() {
        match write_once(file, &bytes[done..], offset + done as u64) {
            Ok(0) => return (done, Err(Errno::NOSPC)),
            Ok(count) => done += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (done, Err(errno_of(&error))),
        }
    }
    (done, Ok(()))
}
