//! The one place that knows which operating system this is. Linux maps; everything else reads.

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) use linux::*;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use linux::{Advice, Errno, capabilities, page_size};

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod other;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub(crate) use other::*;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use other::{Advice, Errno, capabilities, page_size};

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::OnceLock;

/// What the environment of the process asks for. It is read by the caller, on a thread where that is safe: `getenv` beside a
/// thread that changes the environment is not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Leave the SIGBUS handler out.
    pub no_guard: bool,
    /// Pretend that the kernel lacks `MADV_POPULATE_READ` and what came after it.
    pub touch: bool,
}

/// How a file is opened that may have to be made first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creation {
    /// There must be no such file yet.
    pub exclusive: bool,
    /// The file loses all bytes that it has.
    pub truncate: bool,
    /// Permission bits of a file that is made, which the umask of the process reduces. Unix only.
    pub permissions: u32,
}

/// Opens for reading and writing, and makes the file where there is none. May wait for the disk.
pub(crate) fn create(path: &Path, how: Creation) -> Result<File, Errno> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).create_new(how.exclusive).truncate(how.truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, how.permissions);
    options.open(path).map_err(|error| errno_of(&error))
}

/// Gives a file this size. Waits for the disk.
pub(crate) fn truncate(file: &File, size: u64) -> Result<(), Errno> {
    file.set_len(size).map_err(|error| errno_of(&error))
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Takes the settings, before anything else of this crate is used. Only the first call counts.
pub fn configure(settings: Settings) {
    _ = SETTINGS.set(settings);
}

pub(crate) fn settings() -> Settings {
    *SETTINGS.get_or_init(Settings::default)
}

/// What this platform and kernel offer; found out once, by trying.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// How pages are brought into memory: `MADV_POPULATE_READ` (Linux 5.14), `touch`, one by one, or `read`, which leaves
    /// them in the page cache alone; each off the JS thread.
    pub populate: &'static str,
    /// The page table can be read from `/proc/self/pagemap`, so that presence is known for every user.
    pub page_table: bool,
    /// Files are mapped. Else every read copies through a system call, on the pool.
    pub mapping: bool,
    /// A lost page is answered with zeros and an error instead of SIGBUS.
    pub guard: bool,
}

/// What is at a path or behind a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// When the inode was made, where the file system keeps that: inode numbers are given away again.
    pub(crate) birth: Option<(i64, u32)>,
    /// What it is, for people, unless it is a regular file.
    pub(crate) irregular: Option<&'static str>,
}

/// What can be relied on in the file system of an open file; by default nothing.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FileSystem {
    /// Reads that must not wait (`RWF_NOWAIT`) are worth a try.
    pub(crate) nowait: bool,
    /// A copy from mapped memory, after which the size is looked at, tells nothing that `read(2)` would not have told. XFS puts zeros
    /// over what is cut before it lowers the size: a copy in between would pass them off as data.
    pub(crate) copies_like_read: bool,
    /// `lseek` to the end reads the size from memory, without a lock.
    pub(crate) size_by_seek: bool,
    /// It lies on this machine: calls on its files ask no server.
    pub(crate) local: bool,
    /// Reading a hole through a mapping takes memory for it.
    pub(crate) holes_take_memory: bool,
    /// Another file may come to be behind an open descriptor (overlayfs).
    pub(crate) layered: bool,
    /// The bytes are made as they are read, and the size says nothing about them.
    pub(crate) generated: bool,
    /// Tells file systems apart whose device number is the same, one after the other.
    pub(crate) id: u64,
}
