//! Platforms other than Linux: files are read, not mapped. No page is known to be resident, so every read is a pool job
//! that copies through a system call. Views are copies, because there is no guard against truncated files.

use std::fs::File;
use std::io::{ErrorKind, IoSliceMut};

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

use super::{Capabilities, FileSystem};

/// The capabilities of this platform.
pub fn capabilities() -> &'static Capabilities {
    &Capabilities { populate: "read", page_table: false, mapping: false, guard: false }
}

/// No property is assumed except that the file is local.
pub(crate) fn file_system(_file: &File) -> FileSystem {
    FileSystem { local: true, ..FileSystem::default() }
}

/// A second handle of the same open file.
pub(crate) fn reopen(file: &File) -> Result<File, Errno> {
    file.try_clone().map_err(|error| errno_of(&error))
}

/// Does nothing: only the handle keeps the file open.
pub(crate) fn redirect_to_null(_file: &File) -> Result<(), Errno> {
    Ok(())
}

/// There is no limit, because no read-ahead request is made.
pub(crate) fn read_ahead(_device: u64) -> u64 {
    u64::MAX
}

pub(crate) fn start_read(_file: &File, _offset: u64, _length: u64) {}

pub(crate) fn populate_target(_target: &mut [u8]) {}

pub(crate) fn begin_window(_file: &File, _offset: u64, _length: u32) -> bool {
    false
}

pub(crate) fn trigger_marks(_file: &File, _offset: u64, _length: usize) {}

/// The limit of a memory cgroup, and the memory that can still be locked.
pub(crate) struct LockableMemory {
    pub(crate) limit: u64,
    pub(crate) left: u64,
}

pub(crate) fn lockable_memory() -> Option<LockableMemory> {
    None
}

pub(crate) fn lock_limit() -> Option<u64> {
    None
}

/// Only called for stores to views, which do not exist here.
pub(crate) fn store_error(_file: &File, _offset: u64) -> Errno {
    Errno::IO
}

/// How a file will be used. A hint, which this platform ignores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// No advice.
    Normal,
    /// Reads go from start to end.
    Sequential,
    /// Reads go to any offset.
    Random,
    /// The range will be needed soon.
    WillNeed,
    /// The range will not be needed soon.
    DontNeed,
}

#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn advise(_file: &File, _offset: u64, _length: u64, _advice: Advice) -> Result<(), Errno> {
    Ok(())
}

/// An open file cannot be reopened for appending here.
pub(crate) fn open_appending(_file: &File) -> Result<File, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Only called with the result of [`open_appending`].
pub(crate) fn append_to(_appender: &File, _bytes: &[u8]) -> (u64, usize, Result<(), Errno>) {
    (0, 0, Err(Errno::OPNOTSUPP))
}

/// No call for this exists on all of these systems.
pub(crate) fn reserve(_file: &File, _length: u64) -> Option<Result<(), Errno>> {
    None
}

/// Waits until written data and the size of the file are on the device.
pub(crate) fn sync_file(file: &File) -> Result<(), Errno> {
    file.sync_data().map_err(|error| errno_of(&error))
}

/// The access mode of a descriptor.
pub(crate) struct OpenedFor {
    pub(crate) reading: bool,
    pub(crate) writing: bool,
    /// All writes go to the end of the file, whatever their offset.
    pub(crate) appending: bool,
}

/// Reads from the file. Waits for the disk. Fewer bytes than requested mean the end of the file.
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

/// Reads from the file into several buffers, one after the other. Waits for the disk. Fewer bytes than requested mean
/// the end of the file.
pub(crate) fn read_vectored_at(
    file: &File,
    parts: &mut [IoSliceMut<'_>],
    offset: u64,
) -> Result<usize, Errno> {
    let mut filled = 0;
    for part in parts {
        let count = read_at(file, part, offset + filled as u64)?;
        filled += count;
        if count < part.len() {
            break;
        }
    }
    Ok(filled)
}

/// Appends up to `length` bytes of the file to `into`. Waits for the disk.
pub(crate) fn append(file: &File, into: &mut Vec<u8>, length: usize, offset: u64) -> Result<(), Errno> {
    let before = into.len();
    into.resize(before + length, 0);
    let read = read_at(file, &mut into[before..], offset);
    into.truncate(before + *read.as_ref().unwrap_or(&0));
    read.map(|_| ())
}

/// Writes all of `bytes` to the file; returns how many were written before an error. Waits for the disk.
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
