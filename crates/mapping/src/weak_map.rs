//! A map that finds what is alive and keeps nothing alive: one value for each key, shared by whoever asks for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, Weak};

use crate::sync::{Mutex, MutexGuard};

/// Values by key, each of which calls [`WeakMap::forget`] on its way out.
pub(crate) struct WeakMap<K, V> {
    pub(crate) entries: Mutex<HashMap<K, Weak<V>>>,
}

impl<K: Eq + Hash, V> WeakMap<K, V> {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::new(HashMap::new()) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Weak<V>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key: the one that is there, if it `serves`, or else what `make` makes, while others wait.
    pub(crate) fn acquire<E>(
        &self,
        key: K,
        serves: impl FnOnce(&V) -> bool,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        let mut entries = self.lock();
        let found = entries.get(&key).and_then(Weak::upgrade);
        if let Some(found) = found.as_ref().filter(|found| serves(found)) {
            return Ok(Arc::clone(found));
        }
        let outcome = make().map(|value| {
            let fresh = Arc::new(value);
            entries.insert(key, Arc::downgrade(&fresh));
            fresh
        });
        // After the lock: its other owners may have let go of it by now, and then it goes here, which takes the lock again.
        drop(entries);
        drop(found);
        outcome
    }

    /// Takes out a value that is going; a newer one under the same key stays.
    pub(crate) fn forget(&self, key: &K, value: &V) {
        let mut entries = self.lock();
        if entries.get(key).is_some_and(|entry| std::ptr::eq(entry.as_ptr(), value)) {
            entries.remove(key);
        }
    }
}
