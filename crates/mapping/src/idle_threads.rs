//! Threads that come when there is work and end when there has been none for a while: how they and the work find each other.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, MutexGuard};

/// How long a thread waits for more before it ends: starting one for each value would be waste.
const LINGER: Duration = Duration::from_secs(1);

/// What a lane is for.
pub(crate) trait Keeper: Sized + Send + Sync + 'static {
    /// What is done with a value is to drop it.
    type Value: Send;

    /// How many threads there may be.
    fn most_threads(&self) -> usize;

    /// Has [`Lane::run`] run by a thread of its own. False where there can be none.
    fn start(lane: &'static Lane<Self>) -> bool;

    /// Whatever else has to be looked at from time to time: says when next, if ever.
    fn look(&self) -> Option<Instant>;
}

/// Values that wait to be dropped, and the threads that do it.
pub(crate) struct Lane<K: Keeper> {
    pub(crate) keeper: K,
    pub(crate) state: Mutex<State<K::Value>>,
    pub(crate) changed: Condvar,
}

pub(crate) struct State<V> {
    values: VecDeque<V>,
    pub(crate) threads: usize,
    pub(crate) idle: usize,
    /// Somebody wants a look.
    look: bool,
}

impl<K: Keeper> Lane<K> {
    pub(crate) fn new(keeper: K) -> Self {
        let state = State { values: VecDeque::new(), threads: 0, idle: 0, look: false };
        Self { keeper, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<K::Value>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a value dropped.
    pub(crate) fn push(&'static self, value: K::Value) {
        let mut state = self.state();
        state.values.push_back(value);
        self.call(state);
    }

    /// Has a thread look, which begins to do so after this.
    pub(crate) fn ask_for_look(&'static self) {
        let mut state = self.state();
        state.look = true;
        self.call(state);
    }

    fn call(&'static self, mut state: MutexGuard<'_, State<K::Value>>) {
        if state.idle > 0 {
            self.changed.notify_one();
            // Those that were told already may not have come yet.
            if state.values.len() <= state.idle {
                return;
            }
        }
        // Without a thread the values wait for the next one that comes.
        if state.threads < self.keeper.most_threads() && K::start(self) {
            state.threads += 1;
        }
    }

    /// What a thread does.
    pub(crate) fn run(&self) {
        let mut state = self.state();
        loop {
            if let Some(value) = state.values.pop_front() {
                drop(state);
                drop(value);
                state = self.state();
                continue;
            }
            // Cleared before the look: a wish that comes during it is for the next one.
            state.look = false;
            drop(state);
            let due = self.keeper.look();
            state = self.state();
            if state.look || !state.values.is_empty() {
                continue;
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

    /// Whether there is nothing left to do at this moment.
    pub(crate) fn is_at_rest(&self) -> bool {
        let state = self.state();
        state.values.is_empty() && state.idle == state.threads
    }
}
