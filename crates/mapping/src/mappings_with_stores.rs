//! Mappings with possible stores, kept until it is known that no store was lost.

use std::sync::PoisonError;

use crate::sync::{Arc, Mutex, MutexGuard};

/// A mapping that may have lost stores.
pub(crate) trait Damage {
    fn is_damaged(&self) -> bool;
}

/// Mappings that other code may still store to, or that have lost stores.
#[derive(Debug)]
pub(crate) struct MappingsWithStores<V>(Mutex<Vec<Arc<V>>>);

impl<V> Default for MappingsWithStores<V> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<V: Damage> MappingsWithStores<V> {
    fn list(&self) -> MutexGuard<'_, Vec<Arc<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a mapping that may be stored to from now on.
    pub(crate) fn add(&self, one: &Arc<V>) {
        self.list().push(Arc::clone(one));
    }

    /// All mappings with possible stores. Removes those that no other owner has: no further store can come, and earlier
    /// stores belong to the file, unless the mapping is damaged.
    pub(crate) fn all(&self) -> Vec<Arc<V>> {
        let mut list = self.list();
        let kept = list.clone();
        // The list and its copy hold two references. They are counted first: the last other owner may have damaged the
        // mapping just before it dropped it.
        list.retain(|one| Arc::strong_count(one) > 2 || one.is_damaged());
        kept
    }

    /// Forgets earlier losses.
    pub(crate) fn clear_losses(&self) {
        self.list().retain(|one| !one.is_damaged());
    }
}
