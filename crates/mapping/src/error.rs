//! Everything that can go wrong, once for the whole project: the addon turns each variant into one Node error.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::os::{self, Errno};

/// What every fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Bytes `start..start + length` of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// How many bytes.
    pub length: u64,
}

impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at offset {}", self.length, self.start)
    }
}

/// A failure, with what a person needs to act on it: the file, the range where there is one, and the cure.
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
        /// The bytes that were asked for.
        range: ByteRange,
    },
    /// The path leads to something that has no bytes to map.
    #[error("'{}' is {what}, not a file with bytes at positions; read it with node:fs", path.display())]
    NotAFile {
        /// Where it is.
        path: PathBuf,
        /// What was found there.
        what: &'static str,
    },
    /// The file has become shorter than the range that was asked for.
    #[error(
        "'{}' was cut to {size} bytes while {range} were wanted; refresh() the file or open it again",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The bytes that were asked for.
        range: ByteRange,
        /// How long the file is now.
        size: u64,
    },
    /// What was written to a range, through views or by calls, may not be on the device.
    #[error(
        "{}'{}' ({range}): what was written to these bytes may be lost; {}refresh() the file, and write them again",
        match errno { Some(errno) => format!("{}, {syscall} ", describe(*errno)), None => "the file was cut, ".to_owned() },
        path.display(),
        if *errno == Some(Errno::NOSPC) { "make room, " } else { "" }
    )]
    Lost {
        /// The kernel's error number; none where the file was cut.
        errno: Option<Errno>,
        /// The call that failed.
        syscall: &'static str,
        /// The file.
        path: PathBuf,
        /// The bytes that are lost, as far as they were asked for.
        range: ByteRange,
    },
    /// The kernel would not keep a range in memory.
    #[error("{}, mlock '{}' ({range}); {}", describe(*errno), path.display(), limit.cure())]
    Lock {
        /// The kernel's error number.
        errno: Errno,
        /// The file.
        path: PathBuf,
        /// The bytes that were to be locked.
        range: ByteRange,
        /// What may have been in the way.
        limit: LockLimit,
    },
    /// A call that writes, on a file that is open for reading.
    #[error(
        "{}, {syscall} '{}': the file is open for reading only; open it with flags 'r+'", describe(Errno::BADF), path.display()
    )]
    ReadOnly {
        /// The call that was refused.
        syscall: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A descriptor of the caller's that was opened for something else.
    #[error("{}, {syscall} '{}'; {what}", describe(Errno::ACCESS), path.display())]
    WrongFlags {
        /// The call that was refused.
        syscall: &'static str,
        /// The file.
        path: PathBuf,
        /// What would have been needed.
        what: &'static str,
    },
    /// This platform or runtime cannot do it.
    #[error("{what}")]
    Unsupported {
        /// What cannot be done, and what to do instead.
        what: &'static str,
    },
    /// The range has holes that would take memory if they were mapped: for whoever can copy it instead.
    #[error("the range has holes")]
    Hole,
    /// The work was given up because its caller no longer wants it.
    #[error("the read was cancelled")]
    Cancelled,
}

impl Error {
    /// The error number, its name, like ENOENT, and the call, where a call failed.
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

    /// The file that it is about, where it is about one.
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

    /// The bytes that it is about, where it is about some.
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

/// The kernel's own words, without the number that `io::Error` would add.
fn describe(errno: Errno) -> String {
    let text = std::io::Error::from(errno).to_string();
    match text.rfind(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// What a person can do about it, where there is something.
fn cure(errno: Errno) -> &'static str {
    match errno {
        Errno::IO => {
            "; the device failed to deliver these bytes: see the kernel's log, other ranges may be good"
        }
        Errno::NOMEM => {
            "; no address space or memory left: see RLIMIT_AS, vm.max_map_count and the memory cgroup"
        }
        Errno::NOSPC | Errno::DQUOT => "; no room for these bytes: make some, and write them again",
        Errno::MFILE | Errno::NFILE => "; too many open files: close some, or raise RLIMIT_NOFILE",
        _ => "",
    }
}

/// What keeps a process from locking more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockLimit {
    /// `RLIMIT_MEMLOCK`, in bytes.
    Process(u64),
    /// The limit of the memory cgroup, and what is left below it, in bytes.
    Cgroup {
        /// Its limit.
        limit: u64,
        /// What is left.
        left: u64,
    },
    /// None but the number of mappings, which separate ranges use up.
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
                "no memory left to lock, or too many separate ranges: see vm.max_map_count, or lock less"
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
