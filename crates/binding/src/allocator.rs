//! The allocators, for JavaScript.

use std::sync::atomic::{AtomicBool, Ordering};

use faultless_allocator::{Stats, Tuning};
use napi::bindgen_prelude::{JsObjectValue, Object};
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::number;

/// Whether large results come from jemalloc.
#[napi]
#[must_use]
pub fn uses_jemalloc() -> bool {
    faultless_allocator::uses_jemalloc()
}

/// Has large results come from jemalloc from now on, or no more.
#[napi]
pub fn use_jemalloc(wanted: bool) {
    faultless_allocator::use_jemalloc(wanted);
}

/// The allocator that the environment asks for, as JavaScript reads it: once, for the thread that loads the package first.
#[napi]
#[must_use]
pub fn allocator_of_environment(asked: Option<String>) -> Option<String> {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let is_first = !TOLD.swap(true, Ordering::Relaxed);
    asked.filter(|_| is_first)
}

/// What malloc or jemalloc holds; see `AllocatorStats` in lib/allocator.ts.
#[napi(
    ts_return_type = "{ allocated?: number, resident?: number, mapped?: number, retained?: number, arenas?: number }"
)]
pub fn allocator_stats(env: &Env, jemalloc: bool) -> Result<Object<'_>> {
    let mut object = Object::new(env)?;
    let found =
        if jemalloc { faultless_allocator::jemalloc_stats() } else { faultless_allocator::malloc_stats() };
    if let Some(Stats { allocated, resident, mapped, retained, arenas }) = found {
        for (name, value) in [
            ("allocated", Some(allocated)),
            ("resident", resident),
            ("mapped", Some(mapped)),
            ("retained", Some(retained)),
            ("arenas", arenas),
        ] {
            if let Some(value) = value {
                object.set_named_property(name, number(value))?;
            }
        }
    }
    Ok(object)
}

/// See `GlibcTuning` in lib/tuning.ts, which has checked the values.
#[napi(object)]
pub struct MallocTuning {
    pub mmap_threshold: i32,
    pub trim_threshold: i32,
    pub top_pad: i32,
    pub arena_max: Option<i32>,
}

/// See `Tuned` in lib/tuning.ts.
#[napi(object)]
pub struct MallocTuned {
    pub applied: Option<MallocTuning>,
    pub supported: bool,
    pub reason: Option<String>,
}

/// Tunes the malloc of the whole process; see `GlibcTuning`.
#[napi]
#[must_use]
pub fn tune_malloc(
    mmap_threshold: i32,
    trim_threshold: i32,
    top_pad: i32,
    arena_max: Option<i32>,
) -> MallocTuned {
    let tuned = faultless_allocator::tune(Tuning { mmap_threshold, trim_threshold, top_pad, arena_max });
    let applied = tuned.applied.map(|Tuning { mmap_threshold, trim_threshold, top_pad, arena_max }| {
        MallocTuning { mmap_threshold, trim_threshold, top_pad, arena_max }
    });
    MallocTuned { applied, supported: tuned.supported, reason: tuned.reason }
}
