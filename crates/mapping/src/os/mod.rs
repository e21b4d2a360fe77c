//! The one place that knows which operating system this is. Linux maps; everything else reads, until its mappings are guarded.

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

/// What this platform and kernel offer; found out once, by trying.
#[derive(Debug, Clone)]
pub struct Capabilities {
    /// How pages are brought into memory: `MADV_POPULATE_READ` (Linux 5.14), `touch`, one by one, or `read`, which leaves
    /// them in the page cache alone; each off the JS thread.
    pub populate: &'static str,
    /// The page table can be read from `/proc/self/pagemap`, so that presence is known for every user.
    pub page_table: bool,
    /// Mapped bytes can be handed out. Else every read copies through a system call, on the pool.
    pub views: bool,
    /// A lost page is answered with zeros and an error instead of SIGBUS.
    pub guard: bool,
}

/// What is at a path or behind a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) owner: u32,
    pub(crate) changed: (i64, u64),
    /// What it is, for people, unless it is a regular file.
    pub(crate) irregular: Option<&'static str>,
}
