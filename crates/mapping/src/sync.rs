//! The primitives that threads meet at. `tests/models.rs` puts a model checker's in their place.

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
