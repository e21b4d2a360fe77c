//! The state of one Node environment: its permits for pool jobs, and its cancellable jobs.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use faultless_mapping::{Permits, Settings, Waiter};
use napi::bindgen_prelude::{Function, JsValue, Unknown};
use napi::{Env, Error, Result, Status, check_status, sys};
use napi_derive::napi;

static THREADS: OnceLock<usize> = OnceLock::new();

/// The number of threads of the libuv pool, computed as libuv does.
pub(crate) fn pool_size() -> usize {
    *THREADS.get_or_init(|| 4)
}

/// Sets the settings from the environment of the process, as JavaScript reads them: `getenv` concurrent with a thread
/// that changes the environment is not safe. Only the first call counts.
#[napi]
pub fn configure(no_guard: bool, touch: bool, threads: Option<String>) {
    faultless_mapping::configure(Settings { no_guard, touch });
    // libuv uses atoi: text that is not a number counts as 0, and 0 as 1.
    let threads = threads.map_or(4, |text| text.trim().parse::<usize>().unwrap_or(0).clamp(1, 1024));
    _ = THREADS.set(threads);
}

/// The permits of the process. One thread of the pool is left to other code, so that a slow disk does not block dns and
/// fs.
fn permits() -> &'static Permits<Wake> {
    static PERMITS: OnceLock<Permits<Wake>> = OnceLock::new();
    PERMITS.get_or_init(|| Permits::of_pool(pool_size()))
}

/// The right to occupy a thread of the pool. The thread that has finished the job releases it.
#[derive(Debug)]
pub(crate) struct Permit(());

impl Drop for Permit {
    fn drop(&mut self) {
        permits().release();
    }
}

/// Notifies an environment that a permit may be available.
struct Wake(Mutex<Option<Call>>);

/// A function of JavaScript that any thread may call.
#[derive(Clone, Copy)]
struct Call(sys::napi_threadsafe_function);

// SAFETY: a thread-safe function may be called from any thread.
unsafe impl Send for Call {}

impl Waiter for Wake {
    fn wake(&self) {
        if let Some(call) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            // SAFETY: the function lives until the environment ends, and `end` takes it out before, under the lock.
            unsafe {
                sys::napi_call_threadsafe_function(
                    call.0,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                )
            };
        }
    }
}

thread_local! {
    static WAKE: RefCell<Option<Arc<Wake>>> = const { RefCell::new(None) };
    /// A permit was taken for the next job.
    static TAKEN: Cell<bool> = const { Cell::new(false) };
    static CANCELLABLE: RefCell<HashMap<u32, Weak<[AtomicBool]>>> = RefCell::new(HashMap::new());
}

/// Sets the callback that is called when a permit may be available after one was refused.
#[napi]
pub fn on_permit(env: &Env, callback: Function<'_, (), Unknown<'_>>) -> Result<()> {
    let name = env.create_string("faultless")?;
    let mut function = ptr::null_mut();
    // SAFETY: the values belong to this environment, and the pointer has space for the result. No queue limit, one
    // owner, no finalizer, and the callback is called without arguments.
    let status = unsafe {
        sys::napi_create_threadsafe_function(
            env.raw(),
            callback.raw(),
            ptr::null_mut(),
            name.raw(),
            0,
            1,
            ptr::null_mut(),
            None,
            ptr::null_mut(),
            None,
            &raw mut function,
        )
    };
    check_status!(status, "no thread-safe function could be created")?;
    let wake = Arc::new(Wake(Mutex::new(Some(Call(function)))));
    keep_alive(env.raw(), &wake, false);
    let kept = Arc::into_raw(Arc::clone(&wake)).cast_mut().cast::<c_void>();
    // SAFETY: the hook runs once, on this thread, before Node frees the function, and receives its reference back.
    check_status!(unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(end), kept) })?;
    WAKE.set(Some(wake));
    Ok(())
}

unsafe extern "C" fn end(wake: *mut c_void) {
    // A worker may be terminated after it takes a permit and before it creates the job.
    drop(taken_permit());
    // SAFETY: the reference that `on_permit` has leaked.
    let wake = unsafe { Arc::from_raw(wake.cast::<Wake>()) };
    let call = wake.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(call) = call {
        // SAFETY: no other code can reach the function any more.
        unsafe { sys::napi_release_threadsafe_function(call.0, sys::ThreadsafeFunctionReleaseMode::abort) };
    }
}

/// Sets whether a pending notification keeps Node running.
fn keep_alive(env: sys::napi_env, wake: &Wake, wanted: bool) {
    if let Some(call) = *wake.0.lock().unwrap_or_else(PoisonError::into_inner) {
        if wanted {
            // SAFETY: a live function of this environment, on its thread.
            unsafe { sys::napi_ref_threadsafe_function(env, call.0) };
        } else {
            // SAFETY: as above.
            unsafe { sys::napi_unref_threadsafe_function(env, call.0) };
        }
    }
}

/// Takes a permit for the next job of this environment. False where there is none: then the callback follows.
pub(crate) fn try_acquire(env: sys::napi_env) -> Result<bool> {
    if TAKEN.get() {
        return Ok(true);
    }
    let wake = WAKE.with_borrow(|wake| wake.as_ref().map(Arc::clone));
    let wake =
        wake.ok_or_else(|| Error::new(Status::GenericFailure, "no callback for permits was set".to_owned()))?;
    let taken = permits().try_acquire(&wake);
    TAKEN.set(taken);
    keep_alive(env, &wake, !taken);
    Ok(taken)
}

/// Releases a permit that no job used, and stops waiting for one.
pub(crate) fn relinquish(env: sys::napi_env) {
    drop(taken_permit());
    let wake = WAKE.with_borrow(|wake| wake.as_ref().map(Arc::clone));
    if let Some(wake) = wake {
        keep_alive(env, &wake, false);
    }
}

fn taken_permit() -> Option<Permit> {
    TAKEN.take().then(|| Permit(()))
}

/// The permit that was taken for this job.
pub(crate) fn permit() -> Result<Permit> {
    taken_permit().ok_or_else(|| Error::new(Status::GenericFailure, "no permit was taken".to_owned()))
}

/// Which ranges of a job are still wanted, as opposed to cancelled.
pub struct Wanted(Option<Arc<[AtomicBool]>>);

impl Wanted {
    /// For a job with this many ranges, which `giveUp` can cancel by its number; 0 for a job that cannot be cancelled.
    pub(crate) fn new(job: u32, ranges: usize) -> Self {
        if job == 0 {
            return Self(None);
        }
        let flags: Arc<[AtomicBool]> = (0..ranges).map(|_| AtomicBool::new(true)).collect();
        CANCELLABLE.with_borrow_mut(|jobs| {
            const MANY: usize = 64;
            if jobs.len() >= MANY {
                jobs.retain(|_, flags| flags.strong_count() > 0);
            }
            jobs.insert(job, Arc::downgrade(&flags));
        });
        Self(Some(flags))
    }

    pub(crate) fn wants(&self, index: usize) -> bool {
        let flag = self.0.as_ref().and_then(|flags| flags.get(index));
        flag.is_none_or(|flag| flag.load(Ordering::Relaxed))
    }
}

/// Cancels ranges of a job of this environment, from index `first` on.
#[napi]
pub fn give_up(job: u32, first: u32, count: u32) {
    let flags = CANCELLABLE.with_borrow(|jobs| jobs.get(&job).and_then(Weak::upgrade));
    for flag in flags.iter().flat_map(|flags| flags.iter()).skip(first as usize).take(count as usize) {
        flag.store(false, Ordering::Relaxed);
    }
}
