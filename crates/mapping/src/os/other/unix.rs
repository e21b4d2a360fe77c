//! Unix without Linux-only calls: file identity and positioned reads.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
pub use rustix::io::Errno;

use super::super::Stat;
use super::OpenedFor;

impl From<Metadata> for Stat {
    fn from(found: Metadata) -> Self {
        let kind = found.file_type();
        let irregular = match () {
            () if kind.is_file() => None,
            () if kind.is_dir() => Some("a directory"),
            () if kind.is_fifo() => Some("a FIFO"),
            () if kind.is_socket() => Some("a socket"),
            () if kind.is_char_device() || kind.is_block_device() => Some("a device"),
            () => Some("an unknown kind of file"),
        };
        Self { device: found.dev(), inode: found.ino(), size: found.size(), birth: None, irregular }
    }
}

/// Reads the metadata of a path. May wait for the disk.
pub(crate) fn stat_path(path: &Path) -> Result<Stat, Errno> {
    std::fs::metadata(path).map(Into::into).map_err(|error| errno_of(&error))
}

/// Reads the metadata of an open file.
pub(crate) fn stat(file: &File) -> Result<Stat, Errno> {
    file.metadata().map(Into::into).map_err(|error| errno_of(&error))
}

/// Opens for reading, or for reading and writing. `O_NONBLOCK` keeps a FIFO without a writer from blocking the thread.
pub(crate) fn open(path: &Path, writable: bool) -> Result<File, Errno> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new()
        .read(true)
        .write(writable)
        .custom_flags(flags)
        .open(path)
        .map_err(|error| errno_of(&error))
}

/// A second descriptor for the caller's open file; the caller may close theirs at any time.
pub(crate) fn duplicate(fd: i32) -> Result<File, Errno> {
    // SAFETY: F_DUPFD_CLOEXEC only reads the number; a number that is not open gives EBADF.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(errno_of(&io::Error::last_os_error()));
    }
    // SAFETY: the descriptor was created above and no other code owns it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(copy) }))
}

/// Reads the flags of a descriptor.
pub(crate) fn opened_for(file: &File) -> Result<OpenedFor, Errno> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    let access = flags & OFlags::RWMODE;
    let reading = access == OFlags::RDONLY || access == OFlags::RDWR;
    let writing = access == OFlags::WRONLY || access == OFlags::RDWR;
    Ok(OpenedFor { reading, writing, appending: flags.contains(OFlags::APPEND) })
}

/// A path that leads to an open descriptor.
pub(crate) fn path_of(fd: i32) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{fd}"))
}

/// A path that leads to an open file.
pub(crate) fn path_of_file(file: &File) -> PathBuf {
    path_of(file.as_raw_fd())
}

pub(crate) fn write_once(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.write_at(bytes, offset)
}

pub(crate) fn read_once(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(into, offset)
}

/// The size of a page of memory, in bytes.
#[must_use]
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// The name of an error number, such as ENOENT.
pub(crate) fn name_of(errno: Errno) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno.raw_os_error()))
}

/// The error number in an error of the standard library.
pub(crate) fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
