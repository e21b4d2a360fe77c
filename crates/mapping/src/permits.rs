//! Permits for jobs on a thread pool that is shared with other code: a limit for the whole process, and the list of
//! waiters.

use std::sync::{Arc, PoisonError};

use crate::sync::{Mutex, MutexGuard};

/// A waiter that was refused a permit.
pub trait Waiter {
    /// Called when a permit may be available again: on any thread, and possibly without need. It must not request a
    /// permit itself.
    fn wake(&self);
}

struct State<W> {
    taken: usize,
    waiting: Vec<Arc<W>>,
}

/// A counting semaphore that notifies waiters instead of blocking them. The next released permit notifies all waiters,
/// so that a busy waiter does not block the others.
pub struct Permits<W> {
    max: usize,
    state: Mutex<State<W>>,
}

impl<W: Waiter> Permits<W> {
    /// One permit less than the pool has threads, which leaves one thread to other code; at least one permit.
    #[must_use]
    pub fn of_pool(threads: usize) -> Self {
        let state = Mutex::new(State { taken: 0, waiting: Vec::new() });
        Self { max: threads.saturating_sub(1).max(1), state }
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a permit, or registers `waiter` for a notification. The caller releases a taken permit exactly once.
    #[must_use]
    pub fn try_acquire(&self, waiter: &Arc<W>) -> bool {
        let mut state = self.state();
        if state.taken < self.max {
            state.taken += 1;
            return true;
        }
        if !state.waiting.iter().any(|other| Arc::ptr_eq(other, waiter)) {
            state.waiting.push(Arc::clone(waiter));
        }
        false
    }

    /// Releases a permit.
    pub fn release(&self) {
        let mut state = self.state();
        state.taken -= 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for waiter in waiting {
            waiter.wake();
        }
    }

    /// The number of permits taken at this moment.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.state().taken
    }
}
