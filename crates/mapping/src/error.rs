//! All errors of the core, defined once; the addon turns each variant into one Node error.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::os::{self, Errno};

/// The result of every fallible function of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Bytes `start..start + length` of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The number of bytes.
    pub length: u64,
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at offset {}", self.length, self.start)
    }
}

/// A failure with the facts that a user needs to act on it: the file, the range if there is one, and the cure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The kernel refused a call on a file.
    #[error("{}, {syscall} '{}'{}", describe(*errno), path.display(), cure(*errno))]
    System {
        /// The kernel's error number.
        errno: Errno,
        /// The call that failed.
        syscall: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The kernel could not deliver the bytes of a range.
    #[error("{}, {syscall} '{}' ({range}){}", describe(*errno), path.display(), cure(*errno))]
    Range {
        /// The kernel's error number.
        errno: Errno,
        /// The call that failed.
        syscall: &'static str,
        /// The file.
        path: PathBuf,
        /// The requested bytes.
        range: ByteRange,
    },
    /// The path leads to something that has no bytes at offsets.
    #[error("'{}' is {what}, not a regular file; {}", path.display(), instead_of(what))]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// The kind of file that was found.
        what: &'static str,
    },
    /// The file is now shorter than the requested range.
    #[error(
        "'{}' was truncated to {size} bytes, but {range} were requested; call refresh() or open the file again",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The requested bytes.
        range: ByteRange,
        /// The current size of the file.
        size: u64,
    },
    /// Bytes that were written to a range, through views or by calls, may not be on the device.
    #[error(
        "{}'{}' ({range}): data written to this range may be lost; {}call refresh(), and write it again",
        match errno { Some(errno) => format!("{}, {syscall} ", describe(*errno)), None => "the file was truncated, ".to_owned() },
        path.display(),
        if *errno == Some(Errno::NOSPC) { "free some space, " } else { "" }
    )]
    Lost {
        /// The kernel's error number; `None` where the file was truncated.
        errno: Option<Errno>,
        /// The call that failed.
        syscall: &'static str,
        /// The file.
        path: PathBuf,
        /// The lost bytes within the requested range.
        range: ByteRange,
    },
    /// The kernel refused to keep a range in memory.
    #[error("{}, mlock '{}' ({range}); {}", describe(*errno), path.display(), limit.cure())]
    Lock {
        /// The kernel's error number.
        errno: Errno,
        /// The file.
        path: PathBuf,
        /// The requested bytes.
        range: ByteRange,
        /// The limit that probably caused the refusal.
        limit: LockLimit,
    },
    /// A call that writes, on a file that is open for reading only.
    #[error(
        "{}, {syscall} '{}': the file is open for reading only; open it with flags 'r+'", describe(Errno::BADF), path.display()
    )]
    ReadOnly {
        /// The refused call.
        syscall: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The caller's descriptor was opened with other flags than this call needs.
    #[error("{}, {syscall} '{}'; {what}", describe(Errno::ACCESS), path.display())]
    WrongFlags {
        /// The refused call.
        syscall: &'static str,
        /// The file.
        path: PathBuf,
        /// The required flags.
        what: &'static str,
    },
    /// This platform or runtime cannot do the operation.
    #[error("{what}")]
    Unsupported {
        /// The missing feature, and the alternative.
        what: &'static str,
    },
    /// The range has holes that would take memory if they were mapped. The caller copies the range instead.
    #[error("the range has holes")]
    Hole,
    /// The job was cancelled because its caller no longer wants the result.
    #[error("the read was cancelled")]
    Cancelled,
}

impl Error {
    /// The error number, its name (such as ENOENT) and the failed call, if a call failed.
    #[must_use]
    pub fn failed_call(&self) -> Option<(i32, String, &'static str)> {
        let (errno, syscall) = match self {
            Self::System { errno, syscall, .. }
            | Self::Range { errno, syscall, .. }
            | Self::Lost { errno: Some(errno), syscall, .. } => (*errno, *syscall),
            Self::Lock { errno, .. } => (*errno, "mlock"),
            Self::ReadOnly { syscall, .. } => (Errno::BADF, *syscall),
            Self::WrongFlags { syscall, .. } => (Errno::ACCESS, *syscall),
            _ => return None,
        };
        Some((errno.raw_os_error(), os::name_of(errno), syscall))
    }

    /// A failed call on the file at `path`.
    pub(crate) fn system(errno: Errno, syscall: &'static str, path: &Path) -> Self {
        Self::System { errno, syscall, path: path.to_owned() }
    }

    /// The file that the error is about, if any.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::System { path, .. }
            | Self::Range { path, .. }
            | Self::NotAFile { path, .. }
            | Self::Truncated { path, .. }
            | Self::Lost { path, .. }
            | Self::Lock { path, .. }
            | Self::ReadOnly { path, .. }
            | Self::WrongFlags { path, .. } => Some(path),
            Self::Unsupported { .. } | Self::Hole | Self::Cancelled => None,
        }
    }

    /// The bytes that the error is about, if any.
    #[must_use]
    pub fn range(&self) -> Option<ByteRange> {
        match self {
            Self::Range { range, .. }
            | Self::Truncated { range, .. }
            | Self::Lost { range, .. }
            | Self::Lock { range, .. } => Some(*range),
            _ => None,
        }
    }
}

/// The kernel's description, without the number that `io::Error` appends.
fn describe(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// The cure for an error number, if there is one.
fn cure(errno: Errno) -> &'static str {
    match errno {
        Errno::IO => {
            "; the device failed to deliver these bytes: see the kernel's log; other ranges may be readable"
        }
        Errno::NOMEM => {
            "; no address space or memory is left: see RLIMIT_AS, vm.max_map_count and the memory cgroup"
        }
        Errno::NOSPC | Errno::DQUOT => "; free some space, and write these bytes again",
        Errno::MFILE | Errno::NFILE => {
            "; too many open files: close some, with { unmap: true } where views of writable files exist, or raise RLIMIT_NOFILE"
        }
        _ => "",
    }
}

/// The call that works where a path leads to no regular file.
fn instead_of(what: &str) -> &'static str {
    match what {
        "a directory" => "open one of its files",
        GENERATED => "open it with flags 'r', and write to it by fs.writeFile()",
        _ => "read it by fs.createReadStream()",
    }
}

/// A file of `/proc` or `/sys`: its bytes are made when it is read.
pub(crate) const GENERATED: &str = "a file that the kernel generates";

/// The limit that keeps a process from locking more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockLimit {
    /// `RLIMIT_MEMLOCK`, in bytes.
    Process(u64),
    /// The limit of the memory cgroup and the memory left below it, in bytes.
    Cgroup {
        /// The limit.
        limit: u64,
        /// The bytes left below the limit.
        left: u64,
    },
    /// The number of mappings: each separate locked range uses some of them.
    Mappings,
}

impl LockLimit {
    fn cure(self) -> String {
        match self {
            Self::Process(limit) => format!(
                "RLIMIT_MEMLOCK lets this process lock {limit} bytes: raise it (ulimit -l, LimitMEMLOCK= of systemd, --ulimit \
                 memlock of containers), or lock less"
            ),
            Self::Cgroup { limit, left } => format!(
                "the memory cgroup is limited to {limit} bytes, of which {left} can still be locked: raise its limit, or lock less"
            ),
            Self::Mappings => {
                "no memory is left to lock, or too many separate ranges are locked: see vm.max_map_count, or lock less"
                    .to_owned()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_error_names_the_call_the_file_and_the_cure() {
        let error = Error::Range {
            errno: Errno::IO,
            syscall: "read",
            path: "/data/tiles".into(),
            range: ByteRange { start: 4096, length: 512 },
        };
        let text = error.to_string();
        assert!(
            text.starts_with("input/output error, read '/data/tiles' (512 bytes at offset 4096); the device"),
            "{text}"
        );
    }
}
