//! Linux: the system calls for files and memory, with the kernel's behaviour in edge cases.

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

/// The capabilities of this kernel.
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

/// The tick of the kernel's coarse clock, in nanoseconds since boot: read without a system call.
pub(crate) fn tick() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    #[expect(clippy::cast_sign_loss, reason = "this clock is never negative")]
    {
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}

/// The name of an error number, such as ENOENT.
pub(crate) fn name_of(errno: Errno) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno.raw_os_error()))
}

/// The error number in an error of the standard library.
pub(crate) fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// The errno of the last libc call of this thread.
fn last_errno() -> Errno {
    errno_of(&std::io::Error::last_os_error())
}
