//! The synchronisation primitives of the crate. `tests/models.rs` replaces them by those of a model checker.

#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub(crate) use std::thread::yield_now;
