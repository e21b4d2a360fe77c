//! A map that finds what is alive and keeps nothing alive: one value for each key, shared by whoever asks for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, Weak};

use crate::sync::{Mutex, MutexGuard};

/// Values by key, each of which calls [`WeakMap::forget`] when it is dropped. The lock is held for looks alone: making a value
/// may take long, and a value is dropped by whichever thread lets go of it last.
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

    fn find(&self, key: &K) -> Option<Arc<V>> {
        self.lock().get(key).and_then(Weak::upgrade)
    }

    /// The value of a key: the one that is there, if it `serves`, or else what `make` makes. Of those who make one at the same
    /// time, the first to have it gives it to all.
    pub(crate) fn acquire<E>(
        &self,
        key: K,
        serves: impl Fn(&V) -> bool,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        if let Some(found) = self.find(&key).filter(|found| serves(found)) {
            return Ok(found);
        }
        let fresh = Arc::new(make()?);
        let mut entries = self.lock();
        let found = entries.get(&key).and_then(Weak::upgrade);
        let first = found.as_ref().filter(|found| serves(found)).map(Arc::clone);
        if first.is_none() {
            entries.insert(key, Arc::downgrade(&fresh));
        }
        // Both may be the last reference to a value, whose drop takes the lock again.
        drop(entries);
        drop(found);
        Ok(first.unwrap_or(fresh))
    }

    /// Takes out a value that is dropped; a newer one under the same key stays.
    pub(crate) fn forget(&self, key: &K, value: &V) {
        let mut entries = self.lock();
        if entries.get(key).is_some_and(|entry| std::ptr::eq(entry.as_ptr(), value)) {
            entries.remove(key);
        }
    }
}
