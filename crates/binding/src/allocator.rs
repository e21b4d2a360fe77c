//! The allocators, exported to JavaScript.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};

use faultless_allocator::{ArenaStats, Decision, Pauses, Stats, Tuning, jemalloc};
use napi::bindgen_prelude::{AsyncTask, Either, JsObjectValue, Object};
use napi::{Env, Error, Result, Task};
use napi_derive::napi;

use crate::arguments::{bytes, number};

/// Whether large results come from jemalloc.
#[napi]
#[must_use]
pub fn uses_jemalloc() -> bool {
    jemalloc::is_used()
}

/// Sets whether large results come from jemalloc from now on.
#[napi]
pub fn use_jemalloc(wanted: bool) {
    jemalloc::set_used(wanted);
}

/// The allocator that the environment requests, as JavaScript reads it: only for the first call, by the thread that
/// loads the package first.
#[napi]
#[must_use]
pub fn allocator_of_environment(asked: Option<String>) -> Option<String> {
    static WAS_READ: AtomicBool = AtomicBool::new(false);
    let is_first = !WAS_READ.swap(true, Ordering::Relaxed);
    asked.filter(|_| is_first)
}

/// The memory that malloc or jemalloc holds; see `AllocatorStats` in lib/allocator.ts.
#[napi(
    ts_return_type = "{ allocated?: number, resident?: number, mapped?: number, retained?: number, top?: number, arenas?: number, heaps?: number }"
)]
pub fn allocator_stats(env: &Env, of_jemalloc: bool) -> Result<Object<'_>> {
    let mut object = Object::new(env)?;
    let found = if of_jemalloc { jemalloc::stats() } else { faultless_allocator::malloc_stats() };
    if let Some(Stats { allocated, resident, mapped, retained, top, arenas, heaps }) = found {
        for (name, value) in [
            ("allocated", Some(allocated)),
            ("resident", resident),
            ("mapped", Some(mapped)),
            ("retained", Some(retained)),
            ("top", top),
            ("arenas", arenas),
            ("heaps", heaps),
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
    pub memory: f64,
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
pub fn tune_malloc(
    mmap_threshold: i32,
    trim_threshold: i32,
    top_pad: i32,
    arena_max: Option<i32>,
    memory: f64,
) -> Result<MallocTuned> {
    let memory = bytes(memory)?;
    let tuned =
        faultless_allocator::tune(Tuning { mmap_threshold, trim_threshold, top_pad, arena_max, memory });
    let applied =
        tuned.applied.map(|Tuning { mmap_threshold, trim_threshold, top_pad, arena_max, memory }| {
            MallocTuning { mmap_threshold, trim_threshold, top_pad, arena_max, memory: number(memory) }
        });
    Ok(MallocTuned { applied, supported: tuned.supported, reason: tuned.reason })
}

/// See `TuningDecision` in lib/tuning.ts.
#[napi(object)]
pub struct MallocDecision {
    pub keeps: bool,
    pub why: String,
    pub gave_back: f64,
    pub pauses: MallocPauses,
}

/// See `ArenaPauses` in lib/tuning.ts.
#[napi(object)]
pub struct MallocPauses {
    pub count: f64,
    pub long: f64,
    pub longest: f64,
}

/// The decisions since malloc was tuned; undefined where it was not.
#[napi]
#[must_use]
pub fn malloc_decision() -> Option<MallocDecision> {
    let Decision { keeps, why, gave_back, pauses: Pauses { count, long, longest } } =
        faultless_allocator::decision()?;
    let longest = number(longest) / 1e6;
    let pauses = MallocPauses { count: number(count), long: number(long), longest };
    Some(MallocDecision { keeps, why, gave_back: number(gave_back), pauses })
}

/// The memory of one arena; see lib/cli/memory.ts.
#[napi(object)]
pub struct MallocArena {
    pub main: bool,
    pub heaps: f64,
    pub mapped: f64,
    pub free: f64,
    pub top: f64,
    pub resident: f64,
}

/// The memory of each arena of another process.
#[napi]
pub fn arenas_of(pid: u32) -> Result<Vec<MallocArena>> {
    let arenas = faultless_allocator::arenas_of(pid).map_err(Error::from_reason)?;
    let list =
        arenas.into_iter().map(|ArenaStats { main, heaps, mapped, free, top, resident }| MallocArena {
            main,
            heaps: number(heaps),
            mapped: number(mapped),
            free: number(free),
            top: number(top),
            resident: number(resident),
        });
    Ok(list.collect())
}

/// A pool job that returns malloc's free memory to the kernel.
pub struct Trim;

impl Task for Trim {
    type Output = std::result::Result<u64, String>;
    type JsValue = Either<f64, String>;

    fn compute(&mut self) -> Result<Self::Output> {
        // A panic must not unwind into libuv's C frames.
        catch_unwind(faultless_allocator::trim)
            .map_err(|_| Error::from_reason("a panic while memory was returned"))
    }

    fn resolve(&mut self, _env: Env, trimmed: Self::Output) -> Result<Self::JsValue> {
        Ok(match trimmed {
            Ok(bytes) => Either::A(number(bytes)),
            Err(reason) => Either::B(reason),
        })
    }
}

/// Resolves to the number of returned bytes, or to the reason why none can be returned.
#[napi(ts_return_type = "Promise<number | string>")]
#[must_use]
pub fn trim_malloc() -> AsyncTask<Trim> {
    AsyncTask::new(Trim)
}
