//! The memory of the process and of results: the tuning of malloc, and a jemalloc of our own beside it.

#[cfg_attr(not(feature = "jemalloc"), path = "no_jemalloc.rs")]
mod jemalloc;
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")),
    path = "no_keeper.rs"
)]
mod keeper;
mod malloc;
mod stats;
mod tune;

use std::sync::atomic::{AtomicBool, Ordering};

pub use jemalloc::Block;
pub use stats::{ArenaStats, Decision, Pauses, Stats, arenas_of, decision, jemalloc_stats, malloc_stats};
pub use tune::{Tuned, Tuning, can_tune, trim, tune};

/// Whether jemalloc is linked in.
pub const HAS_JEMALLOC: bool = cfg!(feature = "jemalloc");

static JEMALLOC: AtomicBool = AtomicBool::new(false);

/// Whether large results are to come from jemalloc, in every thread of the process.
#[must_use]
pub fn uses_jemalloc() -> bool {
    JEMALLOC.load(Ordering::Relaxed)
}

/// Has large results come from jemalloc from now on, or no more. What was handed out goes back to where it came from.
pub fn use_jemalloc(wanted: bool) {
    if wanted {
        jemalloc::prepare();
    }
    let before = JEMALLOC.swap(wanted && HAS_JEMALLOC, Ordering::Relaxed);
    if before && !wanted {
        jemalloc::purge();
    }
}
