//! Windows: file identity, positioned reads, and errors with the names and numbers that Node uses there.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::windows::fs::FileExt;
use std::path::{Path, PathBuf};

use winapi_util::file::{Type, information, typ};

use super::super::Stat;
use super::OpenedFor;

/// An error number of Node: on Windows these are libuv's own, here without their sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(i32);

impl Errno {
    pub(crate) const ACCESS: Self = Self(4092);
    pub(crate) const BADF: Self = Self(4083);
    pub(crate) const EXIST: Self = Self(4075);
    pub(crate) const FAULT: Self = Self(4081);
    pub(crate) const INVAL: Self = Self(4071);
    pub(crate) const IO: Self = Self(4070);
    pub(crate) const ISDIR: Self = Self(4068);
    pub(crate) const MFILE: Self = Self(4066);
    pub(crate) const NFILE: Self = Self(4061);
    pub(crate) const NODEV: Self = Self(4059);
    pub(crate) const NOENT: Self = Self(4058);
    pub(crate) const NOMEM: Self = Self(4057);
    pub(crate) const NOSPC: Self = Self(4055);
    pub(crate) const OPNOTSUPP: Self = Self(4049);
    pub(crate) const DQUOT: Self = Self(4019);

    pub(crate) fn raw_os_error(self) -> i32 {
        self.0
    }

    pub(crate) fn from_raw_os_error(number: i32) -> Self {
        Self(number)
    }

    fn facts(self) -> (&'static str, ErrorKind) {
        match self {
            Self::ACCESS => ("EACCES", ErrorKind::PermissionDenied),
            Self::BADF => ("EBADF", ErrorKind::InvalidInput),
            Self::EXIST => ("EEXIST", ErrorKind::AlreadyExists),
            Self::FAULT => ("EFAULT", ErrorKind::InvalidInput),
            Self::INVAL => ("EINVAL", ErrorKind::InvalidInput),
            Self::ISDIR => ("EISDIR", ErrorKind::IsADirectory),
            Self::MFILE => ("EMFILE", ErrorKind::Other),
            Self::NFILE => ("ENFILE", ErrorKind::Other),
            Self::NODEV => ("ENODEV", ErrorKind::Unsupported),
            Self::NOENT => ("ENOENT", ErrorKind::NotFound),
            Self::NOMEM => ("ENOMEM", ErrorKind::OutOfMemory),
            Self::NOSPC => ("ENOSPC", ErrorKind::StorageFull),
            Self::DQUOT => ("EDQUOT", ErrorKind::QuotaExceeded),
            Self::OPNOTSUPP => ("ENOTSUP", ErrorKind::Unsupported),
            _ => ("EIO", ErrorKind::Other),
        }
    }
}

impl From<Errno> for io::Error {
    fn from(errno: Errno) -> Self {
        errno.facts().1.into()
    }
}

/// The name of an error number, such as ENOENT.
pub(crate) fn name_of(errno: Errno) -> String {
    errno.facts().0.to_owned()
}

/// Node's number for an error of the standard library.
pub(crate) fn errno_of(error: &io::Error) -> Errno {
    const ERROR_TOO_MANY_OPEN_FILES: i32 = 4;
    match error.kind() {
        ErrorKind::NotFound => Errno::NOENT,
        ErrorKind::PermissionDenied => Errno::ACCESS,
        ErrorKind::AlreadyExists => Errno::EXIST,
        ErrorKind::OutOfMemory => Errno::NOMEM,
        ErrorKind::InvalidInput => Errno::INVAL,
        ErrorKind::IsADirectory => Errno::ISDIR,
        ErrorKind::StorageFull => Errno::NOSPC,
        ErrorKind::QuotaExceeded => Errno::DQUOT,
        _ if error.raw_os_error() == Some(ERROR_TOO_MANY_OPEN_FILES) => Errno::MFILE,
        _ => Errno::IO,
    }
}

/// Reads the metadata of a path. May wait for the disk.
pub(crate) fn stat_path(path: &Path) -> Result<Stat, Errno> {
    let found = std::fs::metadata(path).map_err(|error| errno_of(&error))?;
    if found.is_dir() {
        let irregular = Some("a directory");
        return Ok(Stat { device: 0, inode: 0, size: 0, birth: None, irregular });
    }
    stat(&open(path, false)?)
}

/// Reads the metadata of an open file.
pub(crate) fn stat(file: &File) -> Result<Stat, Errno> {
    let kind = typ(file).map_err(|error| errno_of(&error))?;
    if !kind.is_disk() {
        let irregular = Some(describe(&kind));
        return Ok(Stat { device: 0, inode: 0, size: 0, birth: None, irregular });
    }
    let found = information(file).map_err(|error| errno_of(&error))?;
    let irregular = None;
    Ok(Stat {
        device: found.volume_serial_number(),
        inode: found.file_index(),
        size: found.file_size(),
        birth: None,
        irregular,
    })
}

fn describe(kind: &Type) -> &'static str {
    if kind.is_pipe() { "a pipe" } else { "a device" }
}

/// Opens for reading, or for reading and writing. Other processes may write, rename and delete the file, as with the
/// standard library.
pub(crate) fn open(path: &Path, writable: bool) -> Result<File, Errno> {
    OpenOptions::new().read(true).write(writable).open(path).map_err(|error| errno_of(&error))
}

/// Not supported: descriptors are private to the C runtime of node.exe, so a number cannot be resolved to its file.
pub(crate) fn duplicate(_fd: i32) -> Result<File, Errno> {
    Err(Errno::OPNOTSUPP)
}

pub(crate) fn path_of(fd: i32) -> PathBuf {
    PathBuf::from(format!("descriptor {fd}"))
}

/// Never called: no open file comes from a descriptor here.
pub(crate) fn path_of_file(_file: &File) -> PathBuf {
    PathBuf::new()
}

/// Always readable and writable: no open file comes from a descriptor here.
#[expect(clippy::unnecessary_wraps, reason = "as on Linux")]
pub(crate) fn opened_for(_file: &File) -> Result<OpenedFor, Errno> {
    Ok(OpenedFor { reading: true, writing: true, appending: false })
}

pub(crate) fn write_once(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}

/// The end of the file is not an error here, as on other platforms.
pub(crate) fn read_once(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    const ERROR_HANDLE_EOF: i32 = 38;
    match file.seek_read(into, offset) {
        Err(error) if error.raw_os_error() == Some(ERROR_HANDLE_EOF) => Ok(0),
        outcome => outcome,
    }
}

/// The page size in bytes, on every processor that Node supports on Windows.
#[must_use]
pub fn page_size() -> usize {
    4096
}
