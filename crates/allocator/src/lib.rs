//! Memory of the process and of results: the tuning of malloc, and a separate jemalloc.

pub mod jemalloc;
mod malloc;
mod stats;
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64")),
    path = "no_trimmer.rs"
)]
mod trimmer;
mod tune;

pub use stats::{ArenaStats, Decision, Pauses, Stats, arenas_of, decision, malloc_stats};
pub use tune::{Tuned, Tuning, can_tune, trim, tune};
