//! Places on a thread pool that is shared with others: how many jobs of ours may be under way.

use crate::sync::{AtomicUsize, Ordering::Relaxed};

/// How many of them are taken.
#[derive(Debug)]
pub struct Places {
    most: usize,
    taken: AtomicUsize,
}

impl Places {
    /// As many places as there are threads but one, which is left to others; one at least.
    #[must_use]
    pub fn of_pool(threads: usize) -> Self {
        Self { most: threads.saturating_sub(1).max(1), taken: AtomicUsize::new(0) }
    }

    /// Takes a place if there is one left, or in any case. Whoever has taken one gives it back, once.
    #[must_use]
    pub fn take(&self, in_any_case: bool) -> bool {
        let one_more = |taken| (in_any_case || taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Relaxed, Relaxed, one_more).is_ok()
    }

    /// Gives a place back.
    pub fn give_back(&self) {
        self.taken.fetch_sub(1, Relaxed);
    }

    /// How many are taken at this moment.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}
