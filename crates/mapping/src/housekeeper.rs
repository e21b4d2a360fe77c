//! A thread that comes when there is something to put away: it unmaps what was let go of, and drops idle paths.
//!
//! Unmapping gigabytes takes milliseconds, and the last reference is often dropped by a garbage collection on a JS thread.

use std::any::Any;
use std::ops::Deref;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::path_cache;

struct State {
    discarded: Vec<Box<dyn Any + Send>>,
    at_work: bool,
}

static STATE: Mutex<State> = Mutex::new(State { discarded: Vec::new(), at_work: false });
static CALL: Condvar = Condvar::new();

/// How long the thread waits for more before it ends: starting one for each unmapping would be waste.
const LINGER: Duration = Duration::from_secs(1);

/// A value that is dropped by the housekeeper instead of by the thread that lets go of it.
#[derive(Debug)]
pub(crate) struct Offloaded<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Offloaded<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }
}

impl<T: Send + 'static> Deref for Offloaded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("only drop takes the value out"),
        }
    }
}

impl<T: Send + 'static> Drop for Offloaded<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
            state.discarded.push(Box::new(value));
            summon(state);
        }
    }
}

/// Has the housekeeper look at the idle paths again.
pub(crate) fn call() {
    summon(STATE.lock().unwrap_or_else(PoisonError::into_inner));
}

fn summon(mut state: std::sync::MutexGuard<'_, State>) {
    if state.at_work {
        CALL.notify_one();
        return;
    }
    state.at_work = true;
    let discarded = std::mem::take(&mut state.discarded);
    drop(state);
    let spawned =
        thread::Builder::new().name("faultless-house".into()).stack_size(128 << 10).spawn(move || {
            drop(discarded);
            keep_house();
        });
    if spawned.is_err() {
        // No thread to be had: what was in the closure has been dropped here, later than wished but not leaked.
        STATE.lock().unwrap_or_else(PoisonError::into_inner).at_work = false;
    }
}

fn keep_house() {
    loop {
        let due = path_cache::drop_idle(Instant::now());
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        if state.discarded.is_empty() {
            let wait = due.map_or(LINGER, |due| due.saturating_duration_since(Instant::now()));
            let (woken, timeout) = CALL.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && due.is_none() && state.discarded.is_empty() {
                state.at_work = false;
                return;
            }
        }
        let discarded = std::mem::take(&mut state.discarded);
        drop(state);
        drop(discarded);
    }
}
