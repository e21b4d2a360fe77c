//! Everything but Linux: files are read, not mapped. Nothing here is known to be in memory, so every read goes to the pool and
//! copies through a system call; views are copies, because nothing stands between a cut file and a crash.

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

/// What this platform can do.
pub fn capabilities() -> &'static Capabilities {
    &Capabilities { populate: "read", page_table: false, mapping: false, guard: false }
}

/// Nothing is relied on.
pub(crate) fn file_system(_file: &File) -> FileSystem {
    FileSystem { local: true, ..FileSystem::default() }
}

/// The same file again.
pub(crate) fn reopen(file: &File) -> Result<File, Errno> {
    file.try_clone().map_err(|error| errno_of(&error))
}

/// Nothing keeps the file open but its handle.
pub(crate) fn redirect_to_null(_file: &File) -> Result<(), Errno> {
    Ok(())
}

/// No request to start I/O is made, of whatever length.
pub(crate) fn read_ahead(_device: u64) -> u64 {
    u64::MAX
}

pub(crate) fn start_read(_file: &File, _offset: u64, _length: u64) {}

pub(crate) fn take_memory(_target: &mut [u8]) {}

pub(crate) fn begin_window(_file: &File, _offset: u64, _length: u32) -> bool {
    false
}

pub(crate) fn pass_marks(_file: &File, _offset: u64, _length: usize) {}

/// What a memory cgroup leaves to be locked.
pub(crate) struct Room {
    pub(crate) limit: u64,
    pub(crate) left: u64,
}

pub(crate) fn room_to_lock() -> Option<Room> {
    None
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

#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn advise(_file: &File, _offset: u64, _length: u64, _advice: Advice) -> Result<(), Errno> {
    Ok(())
}

/// There is no way from an open file to a second one that appends.
pub(crate) fn open_appending(_file: &File) -> Option<File> {
    None
}

/// Asked only of what [`open_appending`] gave.
pub(crate) fn append_to(_appender: &File, _bytes: &[u8]) -> (u64, usize, Result<(), Errno>) {
    (0, 0, Err(Errno::OPNOTSUPP))
}

/// There is no call for it that all of these systems have.
pub(crate) fn reserve(_file: &File, _length: u64) -> Option<Result<(), Errno>> {
    None
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

/// Reads the file into several parts of memory, one after the other. Waits for the disk. Fewer bytes than there is room for mean
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

/// Reads up to `length` bytes of the file to the end of `into`. Waits for the disk.
pub(crate) fn append(file: &File, into: &mut Vec<u8>, length: usize, offset: u64) -> Result<(), Errno> {
    let before = into.len();
    into.resize(before + length, 0);
    let read = read_at(file, &mut into[before..], offset);
    into.truncate(before + *read.as_ref().unwrap_or(&0));
    read.map(|_| ())
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
