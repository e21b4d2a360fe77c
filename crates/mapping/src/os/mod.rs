//! Selects the operating system. Linux maps files; all other platforms read them.

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

/// Settings from the environment of the process. The caller reads them on a thread where that is safe: `getenv`
/// concurrent with a thread that changes the environment is not.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Do not install the SIGBUS handler.
    pub no_guard: bool,
    /// Behave as if the kernel lacked `MADV_POPULATE_READ` and later calls.
    pub touch: bool,
}

/// How a file that may not exist is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creation {
    /// The file must not exist.
    pub exclusive: bool,
    /// The existing content of the file is removed.
    pub truncate: bool,
    /// Permission bits of a created file, reduced by the umask of the process. Unix only.
    pub permissions: u32,
}

/// Opens for reading and writing, and creates the file if it does not exist. May wait for the disk.
pub(crate) fn create(path: &Path, how: Creation) -> Result<File, Errno> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).create_new(how.exclusive).truncate(how.truncate);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOCTTY);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, how.permissions);
    options.open(path).map_err(|error| errno_of(&error))
}

/// Sets the size of a file. Waits for the disk.
pub(crate) fn truncate(file: &File, size: u64) -> Result<(), Errno> {
    file.set_len(size).map_err(|error| errno_of(&error))
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Sets the settings, before any other function of this crate is used. Only the first call counts.
pub fn configure(settings: Settings) {
    _ = SETTINGS.set(settings);
}

pub(crate) fn settings() -> Settings {
    *SETTINGS.get_or_init(Settings::default)
}

/// The capabilities of this platform and kernel, detected once by trying.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// How pages are brought into memory, always off the JS thread: `MADV_POPULATE_READ` (Linux 5.14), `touch` (one
    /// page at a time), or `read` (into the page cache only).
    pub populate: &'static str,
    /// The page table can be read from `/proc/self/pagemap`, so that presence is known for every user.
    pub page_table: bool,
    /// Files are mapped. Otherwise every read copies through a system call, on the pool.
    pub mapping: bool,
    /// A lost page yields zeros and an error instead of SIGBUS.
    pub guard: bool,
}

/// The metadata of a path or a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    /// The creation time of the inode, where the file system records it: inode numbers are reused.
    pub(crate) birth: Option<(i64, u32)>,
    /// The kind of file, in words; `None` for a regular file.
    pub(crate) irregular: Option<&'static str>,
}

/// The properties of the file system of an open file; by default none.
#[expect(clippy::struct_excessive_bools, reason = "the properties are independent")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FileSystem {
    /// Non-blocking reads (`RWF_NOWAIT`) are useful.
    pub(crate) nowait: bool,
    /// A copy from mapped memory, followed by a check of the size, returns only bytes that `read(2)` would have
    /// returned. XFS zeroes truncated pages before it lowers the size: a copy in between would return the zeros as
    /// data.
    pub(crate) copies_match_read: bool,
    /// `lseek` to the end reads the size from memory, without a lock.
    pub(crate) size_by_seek: bool,
    /// The file system is on this machine: calls on its files ask no server.
    pub(crate) local: bool,
    /// Reading a hole through a mapping allocates memory for it.
    pub(crate) holes_allocate_memory: bool,
    /// An open descriptor may come to refer to another file (overlayfs).
    pub(crate) layered: bool,
    /// The kernel generates the bytes when they are read, and the size is meaningless.
    pub(crate) generated: bool,
    /// Distinguishes file systems that get the same device number one after the other.
    pub(crate) id: u64,
}
