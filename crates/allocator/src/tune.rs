//! Tuning of the process's own malloc, once for all threads: the requested values, and those in effect.

use std::sync::{Mutex, PoisonError};

use crate::{malloc, trimmer};

/// Values for glibc's `mallopt`, in bytes and arenas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// `M_MMAP_THRESHOLD`: allocations of at least this size use `mmap`.
    pub mmap_threshold: i32,
    /// `M_TRIM_THRESHOLD`: glibc returns free memory at the top of an arena from this size on.
    pub trim_threshold: i32,
    /// `M_TOP_PAD`: how much more than needed an arena takes from the kernel, and keeps when it returns memory.
    pub top_pad: i32,
    /// `M_ARENA_MAX`: the maximum number of arenas.
    pub arena_max: Option<i32>,
    /// How much free memory that has not been used for some time may stay in the whole process.
    pub memory: u64,
}

/// The result of a [`Tuning`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuned {
    /// Whether the process's malloc can be tuned.
    pub supported: bool,
    /// The values in effect.
    pub applied: Option<Tuning>,
    /// Why a requested value is not in effect.
    pub reason: Option<String>,
}

struct Last {
    asked: Tuning,
    outcome: Tuned,
}

struct State {
    last: Option<Last>,
    /// glibc keeps the first value.
    arena_max: Option<i32>,
}

static STATE: Mutex<State> = Mutex::new(State { last: None, arena_max: None });

/// Whether the process's malloc can be tuned.
///
/// # Errors
/// The reason why not, in words.
pub fn can_tune() -> Result<(), String> {
    malloc::tunable()
}

/// Sets all values at once. A repeated call, from any thread, returns the same result, and only opens the heap of that
/// thread.
#[must_use]
pub fn tune(asked: Tuning) -> Tuned {
    let outcome = {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = state.last.as_ref().filter(|last| last.asked == asked) {
            last.outcome.clone()
        } else {
            let outcome = apply(asked, &mut state.arena_max);
            state.last = Some(Last { asked, outcome: outcome.clone() });
            outcome
        }
    };
    if let Some(applied) = outcome.applied {
        malloc::open_heap(applied.mmap_threshold);
    }
    outcome
}

fn apply(asked: Tuning, first_arena_max: &mut Option<i32>) -> Tuned {
    if let Err(reason) = malloc::tunable() {
        return Tuned { supported: false, applied: None, reason: Some(reason) };
    }
    if let Some(variable) =
        malloc::set_from_outside(&["mmap_threshold", "trim_threshold", "top_pad", "mmap_max"])
    {
        let reason = format!("{variable} tunes malloc already; unset it to allow tuning here");
        return Tuned { supported: true, applied: None, reason: Some(reason) };
    }
    // Nothing is set where the kept memory cannot be bounded.
    if let Err(reason) = trimmer::keep(asked) {
        let reason =
            format!("the memory that malloc keeps cannot be bounded here, so nothing was set: {reason}");
        return Tuned { supported: true, applied: None, reason: Some(reason) };
    }
    let (arena_max, reason) = match asked.arena_max.map(|max| limit_arenas(max, first_arena_max)) {
        None => (None, None),
        Some(Ok(())) => (asked.arena_max, None),
        Some(Err(reason)) => (*first_arena_max, Some(reason)),
    };
    Tuned { supported: true, applied: Some(Tuning { arena_max, ..asked }), reason }
}

/// Returns malloc's free memory to the kernel, in whole pages. Returns the number of bytes.
///
/// # Errors
/// The reason why it is not possible here, in words.
pub fn trim() -> Result<u64, String> {
    malloc::tunable()?;
    trimmer::trim()
}

/// glibc reads `M_ARENA_MAX` until it has fixed the maximum number of arenas, and never again.
fn limit_arenas(max: i32, first: &mut Option<i32>) -> Result<(), String> {
    if *first == Some(max) {
        return Ok(());
    }
    if let Some(first) = first {
        return Err(format!("arenaMax was set to {first} before, and glibc keeps the first value"));
    }
    if let Some(variable) = malloc::set_from_outside(&["arena_max", "arena_test"]) {
        return Err(format!("{variable} limits the arenas already, and glibc keeps the first limit"));
    }
    malloc::limit_arenas(max)?;
    *first = Some(max);
    Ok(())
}
