//! Models of the shared data structures, run in every order of their steps: a model checker (loom) runs the code itself
//! with its own primitives. The models are small, because the number of orders grows exponentially.
//!
//! Each model was seen to fail with a fault in the code: slots that are read without a version check, or counted in two
//! steps instead of one; a damage check without its fence; permits whose waiters are notified before the release,
//! registered after the refusal, or notified one by one; a map that does not check again before it inserts, removes an
//! entry without checking its value, or drops a value under its lock, which is a deadlock; a drop queue that counts a
//! notified thread as free, ends a thread without a last check, or loses a request that arrives during a check; a list
//! of mappings that checks for damage before it counts owners.

//!
//! With the feature `real-threads` the same scenes run on threads of the system, for miri and `ThreadSanitizer`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../src/drop_queue.rs"]
mod drop_queue;
#[path = "../src/mappings_with_stores.rs"]
mod mappings_with_stores;
#[path = "../src/permits.rs"]
#[expect(unreachable_pub, reason = "the crate exports it")]
mod permits;
#[path = "../src/table.rs"]
mod table;
#[path = "../src/weak_map.rs"]
mod weak_map;

#[cfg(not(feature = "real-threads"))]
mod real {
    pub(crate) use loom::{sync, thread};

    /// Runs all orders with up to this many preemptions.
    pub(crate) fn in_every_order(preemptions: usize, scene: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(scene);
    }
}

#[cfg(feature = "real-threads")]
mod real {
    pub(crate) use std::{sync, thread};

    /// Runs the orders that happen to occur.
    pub(crate) fn in_every_order(_preemptions: usize, scene: impl Fn() + Sync + Send + 'static) {
        (0..if cfg!(miri) { 3 } else { 500 }).for_each(|_| scene());
    }
}

/// Replaces `src/sync.rs` of the crate.
mod sync {
    pub(crate) use super::real::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence,
    };
    pub(crate) use super::real::sync::{Arc, Mutex, MutexGuard};
    pub(crate) use super::real::thread::yield_now;

    use std::sync::LockResult;
    use std::time::Duration;

    /// A condition variable without real time-outs: all current and later waits time out when the test calls `expire`.
    pub(crate) struct Condvar {
        inner: super::real::sync::Condvar,
        expired: AtomicBool,
    }

    pub(crate) struct Timeout(bool);

    impl Timeout {
        pub(crate) fn timed_out(&self) -> bool {
            self.0
        }
    }

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self { inner: super::real::sync::Condvar::new(), expired: AtomicBool::new(false) }
        }

        pub(crate) fn notify_one(&self) {
            self.inner.notify_one();
        }

        /// Called under the lock of the waiting threads.
        pub(crate) fn expire(&self) {
            self.expired.store(true, Ordering::SeqCst);
            self.inner.notify_all();
        }

        #[expect(clippy::unnecessary_wraps, reason = "as that of the standard library")]
        pub(crate) fn wait_timeout<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _most: Duration,
        ) -> LockResult<(MutexGuard<'a, T>, Timeout)> {
            let expired = || self.expired.load(Ordering::SeqCst);
            let guard = if expired() { guard } else { self.inner.wait(guard).unwrap() };
            Ok((guard, Timeout(expired())))
        }
    }
}

use std::ptr;
use std::sync::Arc;

use drop_queue::{DropPolicy, DropQueue};
use mappings_with_stores::{Damage, MappingsWithStores};
use permits::{Permits, Waiter};
use real::sync::Condvar;
use real::{in_every_order, thread};
use sync::{AtomicBool, AtomicPtr, AtomicUsize, Mutex, Ordering};
use table::{Access, FORGOTTEN, Published, Table};
use weak_map::WeakMap;

fn table<const SLOTS: usize>() -> &'static Table<SLOTS> {
    let (newest, free) = (AtomicPtr::new(ptr::null_mut()), Mutex::new(Vec::new()));
    Box::leak(Box::new(Table { newest, free }))
}

fn mapping(start: usize, fd: i32) -> Published {
    Published { start, end: start + 10, fd, access: if fd == 2 { Access::CopyOnWrite } else { Access::Read } }
}

#[test]
fn two_mappings_never_share_a_slot_and_both_are_found() {
    in_every_order(3, || {
        let table = table::<1>();
        let enter = |start, fd| move || ptr::from_ref(table.enter(mapping(start, fd))) as usize;
        let other = thread::spawn(enter(10, 1));
        let mine = enter(20, 2)();
        assert_ne!(mine, other.join().unwrap());
        assert_eq!(table.find(15).unwrap().1, mapping(10, 1));
        assert_eq!(table.find(29).unwrap().1, mapping(20, 2));
        assert!(table.find(30).is_none());
    });
}

#[test]
fn a_descriptor_is_open_while_a_handler_uses_it() {
    in_every_order(3, || {
        let table = table::<1>();
        let slot = table.enter(mapping(10, 1));
        let is_open = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&is_open);
        let handler = thread::spawn(move || {
            let (slot, _) = table.find(15).unwrap();
            slot.with_descriptor(|fd| match fd {
                1 => assert!(seen.load(Ordering::SeqCst)),
                other => assert_eq!(other, FORGOTTEN),
            });
        });
        slot.forget_file();
        is_open.store(false, Ordering::SeqCst);
        handler.join().unwrap();
    });
}

#[test]
fn a_reused_slot_is_never_read_half_old_and_half_new() {
    in_every_order(3, || {
        let table = table::<1>();
        let slot = table.enter(mapping(10, 1));
        let handler = thread::spawn(move || table.find(15).map(|(_, found)| found));
        table.leave(slot);
        let slot = table.enter(mapping(12, 2));
        if let Some(found) = handler.join().unwrap() {
            assert!(found == mapping(10, 1) || found == mapping(12, 2), "{found:?}");
        }
        assert_eq!(slot.damage(), 0);
    });
}

#[test]
fn faults_of_two_threads_in_one_mapping_are_both_counted() {
    in_every_order(3, || {
        let table = table::<1>();
        let slot = table.enter(mapping(10, 1));
        let fault = move |address| {
            let (slot, found) = table.find(address).unwrap();
            slot.mark_cut(address);
            assert_eq!(found, mapping(10, 1));
            slot.mark_damaged()
        };
        let other = thread::spawn(move || fault(14));
        let mut counts = [fault(12), other.join().unwrap()];
        counts.sort_unstable();
        assert_eq!((counts, slot.damage()), ([0, 1], 2));
        assert!(slot.was_cut(12) && !slot.was_cut(11));
    });
}

#[test]
fn zeros_from_another_threads_fault_are_detected() {
    in_every_order(3, || {
        let table = table::<1>();
        let slot = table.enter(mapping(10, 1));
        let page: &AtomicUsize = Box::leak(Box::new(AtomicUsize::new(7)));
        let handler = thread::spawn(move || {
            slot.mark_damaged();
            // Mapping memory over a page: a thread that sees the new page also sees all stores before the call.
            page.store(0, Ordering::Release);
        });
        // A copy consists of plain loads.
        let copied = page.load(Ordering::Relaxed);
        let damaged = slot.damage() != 0;
        assert!(copied != 0 || damaged, "zeros passed off as data");
        handler.join().unwrap();
    });
}

/// Files that several threads open. The checker does not see reference counts of the standard library as steps; `step`
/// is one, called wherever such a count matters.
struct Files {
    map: WeakMap<u8, Value>,
    steps: AtomicUsize,
}

/// Stands for a mapping, damaged or not.
struct Value {
    files: &'static Files,
    damaged: AtomicBool,
}

impl Drop for Value {
    fn drop(&mut self) {
        self.files.map.forget(&1, self);
    }
}

impl Files {
    fn new() -> &'static Self {
        Box::leak(Box::new(Self { map: WeakMap::new(), steps: AtomicUsize::new(0) }))
    }

    fn step(&self) {
        self.steps.fetch_add(1, Ordering::SeqCst);
    }

    fn open(&'static self) -> Arc<Value> {
        self.step();
        let serves = |value: &Value| {
            self.step();
            !value.damaged.load(Ordering::Acquire)
        };
        let make = || Ok::<_, ()>(Value { files: self, damaged: AtomicBool::new(false) });
        self.map.acquire(1, serves, make).unwrap()
    }

    fn count(&self) -> usize {
        self.map.entries.lock().unwrap().len()
    }

    fn drop_value(&self, value: Arc<Value>) {
        self.step();
        drop(value);
    }
}

#[test]
fn two_threads_that_open_one_file_share_a_mapping_until_both_drop_it() {
    in_every_order(3, || {
        let files = Files::new();
        let other = thread::spawn(move || files.open());
        let mine = files.open();
        let theirs = other.join().unwrap();
        assert!(Arc::ptr_eq(&mine, &theirs));
        let last = thread::spawn(move || files.drop_value(theirs));
        files.drop_value(mine);
        last.join().unwrap();
        assert_eq!(files.count(), 0);
    });
}

#[test]
fn a_mapping_dropped_during_a_reopen_does_not_remove_the_new_one() {
    in_every_order(3, || {
        let files = Files::new();
        let mine = files.open();
        let other = thread::spawn(move || files.open());
        files.drop_value(mine);
        let theirs = other.join().unwrap();
        assert!(Arc::ptr_eq(&theirs, &files.open()), "a live mapping is found");
        drop(theirs);
        assert_eq!(files.count(), 0);
    });
}

#[test]
fn dropping_a_damaged_mapping_during_a_lookup_does_not_deadlock() {
    in_every_order(3, || {
        let files = Files::new();
        let mine = files.open();
        mine.damaged.store(true, Ordering::Release);
        let other = thread::spawn(move || files.open());
        files.drop_value(mine);
        let theirs = other.join().unwrap();
        assert!(!theirs.damaged.load(Ordering::Acquire));
        drop(theirs);
        assert_eq!(files.count(), 0);
    });
}

/// An event that threads wait for without polling: the checker reports a thread that waits for ever.
#[derive(Default)]
struct Signal {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Signal {
    fn raise(&self) {
        *self.count.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    fn wait_for(&self, count: usize) {
        let mut now = self.count.lock().unwrap();
        while *now < count {
            now = self.changed.wait(now).unwrap();
        }
    }
}

/// An environment that counts its notifications.
#[derive(Default)]
struct Environment {
    woken: Signal,
}

impl Waiter for Environment {
    fn wake(&self) {
        self.woken.raise();
    }
}

impl Environment {
    /// Runs one job as soon as it gets a permit.
    fn do_one(self: &Arc<Self>, permits: &Permits<Self>, max: usize) {
        let mut refused = 0;
        while !permits.try_acquire(self) {
            refused += 1;
            // Each refusal is followed by a notification.
            self.woken.wait_for(refused);
        }
        assert!(permits.taken() <= max);
        permits.release();
    }
}

/// Several environments run one job each at the same time, on a pool of this many threads.
fn jobs(environments: usize, threads: usize) {
    in_every_order(2, move || {
        let max = threads - 1;
        let permits: &Permits<Environment> = Box::leak(Box::new(Permits::of_pool(threads)));
        let job = move || Arc::new(Environment::default()).do_one(permits, max);
        let others: Vec<_> = (1..environments).map(|_| thread::spawn(job)).collect();
        job();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(permits.taken(), 0);
    });
}

#[test]
fn three_environments_all_get_the_only_permit() {
    jobs(3, 2);
}

#[test]
fn three_environments_all_get_one_of_two_permits() {
    jobs(3, 3);
}

#[test]
fn a_notified_environment_that_does_not_ask_again_blocks_no_other() {
    in_every_order(3, || {
        let permits: &Permits<Environment> = Box::leak(Box::new(Permits::of_pool(2)));
        let (busy, other) = (Arc::new(Environment::default()), Arc::new(Environment::default()));
        assert!(permits.try_acquire(&busy));
        assert!(!permits.try_acquire(&busy), "it is refused once, and never asks again");
        let other = thread::spawn(move || other.do_one(permits, 1));
        permits.release();
        other.join().unwrap();
        assert_eq!(permits.taken(), 0);
    });
}

/// The policy of a drop queue under test.
struct TestPolicy {
    threads: usize,
    started: Mutex<Vec<thread::JoinHandle<()>>>,
    requests: AtomicUsize,
    /// The number of the last request that a check has seen.
    seen: Signal,
    dropped: Signal,
}

/// A value whose drop waits until this many other values are dropped.
struct TestValue {
    queue: &'static DropQueue<TestPolicy>,
    after: usize,
}

impl Drop for TestValue {
    fn drop(&mut self) {
        let TestPolicy { dropped, .. } = &self.queue.policy;
        dropped.wait_for(self.after);
        dropped.raise();
    }
}

impl DropPolicy for TestPolicy {
    type Value = TestValue;

    fn max_threads(&self) -> usize {
        self.threads
    }

    fn start(queue: &'static DropQueue<Self>) -> bool {
        let thread = thread::spawn(|| queue.run());
        queue.policy.started.lock().unwrap().push(thread);
        true
    }

    fn check(&self) -> Option<std::time::Instant> {
        let requests = self.requests.load(Ordering::SeqCst);
        while *self.seen.count.lock().unwrap() < requests {
            self.seen.raise();
        }
        None
    }
}

fn test_queue(threads: usize) -> &'static DropQueue<TestPolicy> {
    let (started, requests) = (Mutex::default(), AtomicUsize::new(0));
    let (seen, dropped) = (Signal::default(), Signal::default());
    Box::leak(Box::new(DropQueue::new(TestPolicy { threads, started, requests, seen, dropped })))
}

impl DropQueue<TestPolicy> {
    fn send(&'static self, after: usize) {
        self.push(TestValue { queue: self, after });
    }

    /// Ends the waits of all idle threads.
    fn expire(&self) {
        let _state = self.state.lock().unwrap();
        self.changed.expire();
    }

    /// Waits until all threads have ended, and checks the counters.
    fn close(&self) {
        let started = std::mem::take(&mut *self.policy.started.lock().unwrap());
        for thread in started {
            thread.join().unwrap();
        }
        let state = self.state.lock().unwrap();
        assert_eq!((state.threads, state.idle), (0, 0));
        drop(state);
        assert!(self.is_idle());
    }
}

#[test]
fn a_value_pushed_while_the_last_thread_ends_is_dropped() {
    in_every_order(3, || {
        let queue = test_queue(1);
        queue.send(0);
        let clock = thread::spawn(|| queue.expire());
        queue.send(0);
        queue.policy.dropped.wait_for(2);
        clock.join().unwrap();
        queue.close();
    });
}

#[test]
fn a_blocked_thread_does_not_block_the_others() {
    in_every_order(2, || {
        let queue = test_queue(2);
        queue.send(0);
        // The thread that gets this value waits until another thread drops the next one.
        queue.send(2);
        queue.send(0);
        queue.policy.dropped.wait_for(3);
        queue.expire();
        queue.close();
    });
}

#[test]
fn a_requested_check_begins_after_the_request() {
    in_every_order(3, || {
        let queue = test_queue(1);
        let request = |number| {
            queue.policy.requests.store(number, Ordering::SeqCst);
            queue.request_check();
            queue.policy.seen.wait_for(number);
        };
        request(1);
        let clock = thread::spawn(|| queue.expire());
        request(2);
        clock.join().unwrap();
        queue.close();
    });
}

/// Stands for a mapping that JavaScript stores to.
struct Stores(AtomicBool);

impl Damage for Stores {
    fn is_damaged(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[test]
fn a_store_lost_during_the_drop_of_its_owner_is_reported() {
    in_every_order(3, || {
        let list: &MappingsWithStores<Stores> = Box::leak(Box::default());
        let stores = sync::Arc::new(Stores(AtomicBool::new(false)));
        list.add(&stores);
        let owner = thread::spawn(move || {
            stores.0.store(true, Ordering::Release);
            drop(stores);
        });
        drop(list.all());
        owner.join().unwrap();
        assert_eq!(list.all().len(), 1, "the loss is reported until it is cleared");
        list.clear_losses();
        assert!(list.all().is_empty());
    });
}
