//! A queue of values to drop, and the threads that drop them. A thread starts when there is work and ends after an idle
//! time.

use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::sync::{Condvar, Mutex, MutexGuard};

/// How long a thread waits for more work before it ends. Starting a thread for each value would be waste.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1);

/// How many threads a [`DropQueue`] has, how they start, and their periodic check.
pub(crate) trait DropPolicy: Sized + Send + Sync + 'static {
    /// The type of the queued values. The threads drop them.
    type Value: Send;

    /// The maximum number of threads.
    fn max_threads(&self) -> usize;

    /// Starts a thread that calls [`DropQueue::run`]. False where no thread can be started.
    fn start(queue: &'static DropQueue<Self>) -> bool;

    /// The periodic check. Returns the time of the next one, if it has to run again.
    fn check(&self) -> Option<Instant>;
}

/// Values to drop, and the threads that drop them.
pub(crate) struct DropQueue<K: DropPolicy> {
    pub(crate) policy: K,
    pub(crate) state: Mutex<State<K::Value>>,
    pub(crate) changed: Condvar,
}

pub(crate) struct State<V> {
    values: VecDeque<V>,
    pub(crate) threads: usize,
    pub(crate) idle: usize,
    /// A check was requested.
    check_requested: bool,
}

impl<K: DropPolicy> DropQueue<K> {
    pub(crate) fn new(policy: K) -> Self {
        let state = State { values: VecDeque::new(), threads: 0, idle: 0, check_requested: false };
        Self { policy, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<K::Value>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a value to be dropped.
    pub(crate) fn push(&'static self, value: K::Value) {
        let mut state = self.state();
        state.values.push_back(value);
        self.wake_or_start(state);
    }

    /// Requests a check that begins after this call.
    pub(crate) fn request_check(&'static self) {
        let mut state = self.state();
        state.check_requested = true;
        self.wake_or_start(state);
    }

    fn wake_or_start(&'static self, mut state: MutexGuard<'_, State<K::Value>>) {
        if state.idle > 0 {
            self.changed.notify_one();
            // Threads that were notified before may not have woken up yet.
            if state.values.len() <= state.idle {
                return;
            }
        }
        // If no thread can be started, the values wait for the next thread.
        if state.threads < self.policy.max_threads() && K::start(self) {
            state.threads += 1;
        }
    }

    /// The main loop of a thread.
    pub(crate) fn run(&self) {
        let mut state = self.state();
        loop {
            if let Some(value) = state.values.pop_front() {
                drop(state);
                drop(value);
                state = self.state();
                continue;
            }
            // Cleared before the check: a request that arrives during the check causes another one.
            state.check_requested = false;
            drop(state);
            let due = self.policy.check();
            state = self.state();
            if state.check_requested || !state.values.is_empty() {
                continue;
            }
            let wait = due.map_or(IDLE_TIMEOUT, |due| due.saturating_duration_since(Instant::now()));
            state.idle += 1;
            let (woken, timeout) =
                self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if timeout.timed_out() && due.is_none() && state.values.is_empty() && !state.check_requested {
                state.threads -= 1;
                return;
            }
        }
    }

    /// Whether there is no work left at this moment.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state();
        state.values.is_empty() && state.idle == state.threads
    }
}
