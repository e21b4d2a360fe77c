//! A map of weak references: one value per key, shared by all users and kept alive only by them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError, Weak};

use crate::sync::{Mutex, MutexGuard};

/// Values by key. Each value calls [`WeakMap::forget`] when it is dropped. The lock is only held for lookups: creating
/// a value may take long, and any thread may drop the last reference.
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

    /// The value of a key: the existing one, if `serves` accepts it, or a new one from `make`. If several threads
    /// create one at the same time, all get the value of the first thread that registers it.
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
        // Both may be the last reference to a value, and its drop takes the lock again.
        drop(entries);
        drop(found);
        Ok(first.unwrap_or(fresh))
    }

    /// Removes a value that is being dropped; a newer one under the same key stays.
    pub(crate) fn forget(&self, key: &K, value: &V) {
        let mut entries = self.lock();
        if entries.get(key).is_some_and(|entry| std::ptr::eq(entry.as_ptr(), value)) {
            entries.remove(key);
        }
    }
}
