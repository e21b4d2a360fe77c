//! Platforms whose malloc is not glibc's: nothing can be set or read, and the results say so.

use crate::stats::Stats;

const REASON: &str = "malloc is not glibc's on this platform, and only glibc's malloc can be tuned";

pub(crate) fn tunable() -> Result<(), String> {
    Err(REASON.to_owned())
}

pub(crate) fn set_from_outside(_names: &[&str]) -> Option<String> {
    None
}

pub(crate) fn open_heap(_mmap_threshold: i32) {}

pub(crate) fn limit_arenas(_most: i32) -> Result<(), String> {
    tunable()
}

pub(crate) fn stats() -> Option<Stats> {
    None
}
