//! Permits for jobs on a thread pool that is shared with others: how many there may be in the whole process, and who waits.

use std::sync::{Arc, PoisonError};

use crate::sync::{Mutex, MutexGuard};

/// Somebody who was refused a permit.
pub trait Waiter {
    /// Called when there may be a permit again: on any thread, and perhaps for nothing. It does not ask for one itself.
    fn wake(&self);
}

struct State<W> {
    taken: usize,
    waiting: Vec<Arc<W>>,
}

/// A counting semaphore whose waiters are told instead of stopped. Whoever is refused is told of the next permit that is given
/// back, and so are all others who wait: one that is busy stops none of them.
pub struct Permits<W> {
    most: usize,
    state: Mutex<State<W>>,
}

impl<W: Waiter> Permits<W> {
    /// As many permits as the pool has threads but one, which is left to others; one at least.
    #[must_use]
    pub fn of_pool(threads: usize) -> Self {
        let state = Mutex::new(State { taken: 0, waiting: Vec::new() });
        Self { most: threads.saturating_sub(1).max(1), state }
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a permit, or has `waiter` told when there is one again. Whoever has taken one gives it back, once.
    #[must_use]
    pub fn try_acquire(&self, waiter: &Arc<W>) -> bool {
        let mut state = self.state();
        if state.taken < self.most {
            state.taken += 1;
            return true;
        }
        if !state.waiting.iter().any(|other| Arc::ptr_eq(other, waiter)) {
            state.waiting.push(Arc::clone(waiter));
        }
        false
    }

    /// Gives a permit back.
    pub fn release(&self) {
        let mut state = self.state();
        state.taken -= 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        for waiter in waiting {
            waiter.wake();
        }
    }

    /// How many are taken at this moment.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.state().taken
    }
}
