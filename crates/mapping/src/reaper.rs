//! Deferred drops: threads that close and unmap what others have let go of, and a look at idle paths when one is due.
//!
//! The last reference is often dropped by a garbage collection on a JS thread. Unmapping gigabytes takes milliseconds, closing the
//! last descriptor of a deleted file frees its blocks, and closing one on a file server asks the server.

use std::any::Any;
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::path_cache;

/// How long a thread waits for more before it ends: starting one for each value would be waste.
const LINGER: Duration = Duration::from_secs(1);

/// Values that wait to be dropped, and the threads that do it.
struct Lane {
    name: &'static str,
    most_threads: usize,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    values: VecDeque<Box<dyn Any + Send>>,
    threads: usize,
    idle: usize,
    /// Somebody wants the idle paths looked at.
    look: bool,
}

/// For what asks no server: one thread, which also looks at the idle paths.
static LOCAL: Lane = Lane::new("faultless-reaper", 1);

/// For what may wait for a server: as long as fewer than these are stuck, others come through.
static REMOTE: Lane = Lane::new("faultless-remote", 32);

impl Lane {
    const fn new(name: &'static str, most_threads: usize) -> Self {
        let state = State { values: VecDeque::new(), threads: 0, idle: 0, look: false };
        Self { name, most_threads, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&'static self, value: Option<Box<dyn Any + Send>>) {
        let mut state = self.state();
        match value {
            Some(value) => state.values.push_back(value),
            None => state.look = true,
        }
        if state.idle > 0 {
            self.changed.notify_one();
            // Those that were told already may not have come yet.
            if state.values.len() <= state.idle {
                return;
            }
        }
        if state.threads < self.most_threads {
            let builder = thread::Builder::new().name(self.name.into()).stack_size(128 << 10);
            // Without a thread the values wait for the next one that comes.
            if builder.spawn(|| self.run()).is_ok() {
                state.threads += 1;
            }
        }
    }

    fn run(&self) {
        let looks = self.most_threads == 1;
        let mut state = self.state();
        loop {
            if let Some(value) = state.values.pop_front() {
                drop(state);
                drop(value);
                state = self.state();
                continue;
            }
            let mut due = None;
            if looks {
                // Cleared before the look: a wish that comes during it is for the next one.
                state.look = false;
                drop(state);
                due = path_cache::drop_idle(Instant::now());
                state = self.state();
                if state.look || !state.values.is_empty() {
                    continue;
                }
            }
            let wait = due.map_or(LINGER, |due| due.saturating_duration_since(Instant::now()));
            state.idle += 1;
            let (woken, timeout) =
                self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if timeout.timed_out() && due.is_none() && state.values.is_empty() && !state.look {
                state.threads -= 1;
                return;
            }
        }
    }

    /// Resolves when nothing waits any more, or after `patience`.
    fn drain(&self, patience: Duration) {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            let state = self.state();
            if state.values.is_empty() && state.idle == state.threads {
                return;
            }
            drop(state);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A value that is dropped by a thread of ours instead of by the one that lets go of it.
#[derive(Debug)]
pub(crate) struct Deferred<T: Send + 'static> {
    value: Option<T>,
    local: bool,
}

impl<T: Send + 'static> Deferred<T> {
    /// `local` if dropping it asks no server.
    pub(crate) fn new(value: T, local: bool) -> Self {
        Self { value: Some(value), local }
    }
}

impl<T: Send + 'static> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("only drop takes the value out"),
        }
    }
}

impl<T: Send + 'static> Drop for Deferred<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            let lane = if self.local { &LOCAL } else { &REMOTE };
            lane.push(Some(Box::new(value)));
        }
    }
}

/// Has the idle paths looked at again, because one may be due sooner than was known.
pub(crate) fn look_at_paths() {
    LOCAL.push(None);
}

/// Waits until local files that were let go of are closed, for a moment at most. Never on the JS thread.
pub(crate) fn close_what_is_let_go_of() {
    LOCAL.drain(Duration::from_millis(200));
}
