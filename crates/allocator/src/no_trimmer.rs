//! Platforms without the arenas of glibc on 64 bits: free memory cannot be found, and the results say so.

use crate::malloc;
use crate::stats::{ArenaStats, Decision};
use crate::tune::Tuning;

fn reason() -> String {
    let unsupported = "only the arenas of glibc on 64 bits can be read".to_owned();
    malloc::tunable().err().unwrap_or(unsupported)
}

pub(crate) fn keep(_tuning: Tuning) -> Result<(), String> {
    Err(reason())
}

pub(crate) fn decision() -> Option<Decision> {
    None
}

pub(crate) fn trim() -> Result<u64, String> {
    Err(reason())
}

pub(crate) fn arenas_of(_pid: u32) -> Result<Vec<ArenaStats>, String> {
    Err(reason())
}
