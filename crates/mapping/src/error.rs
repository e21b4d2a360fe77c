//! Everything that can go wrong, once for the whole project: the addon turns each variant into one Node error.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

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
#[non_exhaustive]
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
    #[error("'{}' is {what}, not a file that can be mapped; read it with node:fs", path.display())]
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
    /// This platform or runtime cannot do it.
    #[error("{what}")]
    Unsupported {
        /// What cannot be done, and what to do instead.
        what: &'static str,
    },
    /// The work was given up because its caller no longer wants it.
    #[error("the read was cancelled")]
    Cancelled,
}

impl Error {
    /// A failed call on the file at `path`.
    pub(crate) fn system(errno: Errno, syscall: &'static str, path: &Path) -> Self {
        Self::System { errno, syscall, path: path.to_owned() }
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
        Errno::MFILE | Errno::NFILE => "; too many open files: close some, or raise RLIMIT_NOFILE",
        _ => "",
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
