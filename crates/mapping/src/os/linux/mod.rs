//! Linux: the calls that open, read, map and look at files, with what the kernel does at their edges.

mod files;
mod memory;
mod presence;

use std::sync::OnceLock;

pub(crate) use files::*;
pub(crate) use memory::*;
pub(crate) use presence::*;
pub use rustix::fs::Advice;
pub use rustix::io::Errno;

use super::{Capabilities, settings};

/// What this kernel can do.
pub fn capabilities() -> &'static Capabilities {
    static FOUND: OnceLock<Capabilities> = OnceLock::new();
    FOUND.get_or_init(|| Capabilities {
        populate: if !settings().touch && can_populate() { POPULATE_READ } else { "touch" },
        page_table: can_read_page_table(),
        mapping: true,
        guard: !settings().no_guard,
    })
}

const POPULATE_READ: &str = "MADV_POPULATE_READ";

/// The size of a page of memory, in bytes.
#[must_use]
pub fn page_size() -> usize {
    rustix::param::page_size()
}

/// The tick of the kernel's coarse clock, in nanoseconds since the start of the machine: read without a system call.
pub(crate) fn tick() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    #[expect(clippy::cast_sign_loss, reason = "this clock is never negative")]
    {
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}

/// What an error number is called, like ENOENT.
pub(crate) fn name_of(errno: Errno) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno.raw_os_error()))
}

/// The kernel's number behind an error of the standard library.
pub(crate) fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// The errno that the last libc call of this thread left behind.
fn last_errno() -> Errno {
    errno_of(&std::io::Error::last_os_error())
}
