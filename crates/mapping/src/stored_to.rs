//! Mappings that somebody may store to, remembered until it is known that none of it was lost.

use std::sync::PoisonError;

use crate::sync::{Arc, Mutex, MutexGuard};

/// What may have lost stores.
pub(crate) trait Damage {
    fn is_damaged(&self) -> bool;
}

/// Each of these, as long as somebody may store to it, or has lost what was stored.
#[derive(Debug)]
pub(crate) struct StoredTo<V>(Mutex<Vec<Arc<V>>>);

impl<V> Default for StoredTo<V> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<V: Damage> StoredTo<V> {
    fn list(&self) -> MutexGuard<'_, Vec<Arc<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on there may be stores to this one.
    pub(crate) fn add(&self, one: &Arc<V>) {
        self.list().push(Arc::clone(one));
    }

    /// All to which stores may have come. Of those that nobody else holds none can come any more, and what came before belongs to
    /// the file, unless they are damaged.
    pub(crate) fn all(&self) -> Vec<Arc<V>> {
        let mut list = self.list();
        let kept = list.clone();
        // Besides the list itself and its copy. Counted first: whoever lets go of one last may have damaged it just before.
        list.retain(|one| Arc::strong_count(one) > 2 || one.is_damaged());
        kept
    }

    /// What was lost until now is not told any more.
    pub(crate) fn forgive(&self) {
        self.list().retain(|one| !one.is_damaged());
    }
}
