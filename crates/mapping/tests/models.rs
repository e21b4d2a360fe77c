//! What threads share without a lock, or with one, in every order that its steps can come in: a model checker (loom) runs the
//! code itself with primitives of its own. Small models, because their number of orders explodes.
//!
//! Seen to fail, each for its own model: slots that are read without a look at their version, or are counted in two steps
//! instead of one; a look at the damage without its fence; permits whose waiters are told before the permit is given back, or
//! entered after the refusal; a map that does not look again before it enters, forgets without a look at who is there, or lets
//! go of a value under its lock, which is a deadlock.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../src/permits.rs"]
#[expect(unreachable_pub, reason = "the crate exports it")]
mod permits;
#[path = "../src/table.rs"]
mod table;
#[path = "../src/weak_map.rs"]
mod weak_map;

/// What `src/sync.rs` is to the crate.
mod sync {
    pub(crate) use loom::sync::atomic::{
        AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering, fence,
    };
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}

use std::ptr;
use std::sync::Arc;

use loom::model::Builder;
use loom::sync::atomic::AtomicBool;
use loom::thread;

use permits::{Permits, Waiter};
use sync::{AtomicPtr, AtomicUsize, Mutex, Ordering};
use table::{Access, Published, Table};
use weak_map::WeakMap;

/// All orders with up to so many preemptions.
fn in_every_order(preemptions: usize, scene: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(scene);
}

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
fn a_slot_that_is_used_again_is_never_read_half_old_and_half_new() {
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
        let mut told = [fault(12), other.join().unwrap()];
        told.sort_unstable();
        assert_eq!((told, slot.damage()), ([0, 1], 2));
        assert!(slot.was_cut(12) && !slot.was_cut(11));
    });
}

#[test]
fn zeros_that_another_threads_fault_has_put_there_are_known() {
    in_every_order(3, || {
        let table = table::<1>();
        let slot = table.enter(mapping(10, 1));
        let page: &AtomicUsize = Box::leak(Box::new(AtomicUsize::new(7)));
        let handler = thread::spawn(move || {
            slot.mark_damaged();
            // Mapping memory over a page: whoever sees the new one comes after what was stored before the call.
            page.store(0, Ordering::Release);
        });
        // A copy is made of plain loads.
        let copied = page.load(Ordering::Relaxed);
        let damaged = slot.damage() != 0;
        assert!(copied != 0 || damaged, "zeros passed off as data");
        handler.join().unwrap();
    });
}

/// Files that are opened by several threads. Counts of the standard library are no steps to the checker; `step` is one, taken
/// wherever such a count matters.
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

    fn let_go(&self, value: Arc<Value>) {
        self.step();
        drop(value);
    }
}

#[test]
fn two_who_open_one_file_find_one_mapping_which_goes_with_the_last() {
    in_every_order(3, || {
        let files = Files::new();
        let other = thread::spawn(move || files.open());
        let mine = files.open();
        let theirs = other.join().unwrap();
        assert!(Arc::ptr_eq(&mine, &theirs));
        let last = thread::spawn(move || files.let_go(theirs));
        files.let_go(mine);
        last.join().unwrap();
        assert_eq!(files.count(), 0);
    });
}

#[test]
fn a_mapping_that_goes_while_it_is_opened_again_takes_none_with_it() {
    in_every_order(3, || {
        let files = Files::new();
        let mine = files.open();
        let other = thread::spawn(move || files.open());
        files.let_go(mine);
        let theirs = other.join().unwrap();
        assert!(Arc::ptr_eq(&theirs, &files.open()), "what is alive is found");
        drop(theirs);
        assert_eq!(files.count(), 0);
    });
}

#[test]
fn a_damaged_mapping_whose_last_owner_lets_go_while_it_is_looked_at_stops_nobody() {
    in_every_order(3, || {
        let files = Files::new();
        let mine = files.open();
        mine.damaged.store(true, Ordering::Release);
        let other = thread::spawn(move || files.open());
        files.let_go(mine);
        let theirs = other.join().unwrap();
        assert!(!theirs.damaged.load(Ordering::Acquire));
        drop(theirs);
        assert_eq!(files.count(), 0);
    });
}

/// An environment: asks for a permit until it has one, whenever it is told that there may be one.
struct Environment {
    told: AtomicBool,
}

impl Waiter for Environment {
    fn wake(&self) {
        self.told.store(true, Ordering::SeqCst);
    }
}

#[test]
fn jobs_never_have_more_permits_than_there_are_and_whoever_is_refused_is_told_of_the_next() {
    in_every_order(3, || {
        let permits: &Permits<Environment> = Box::leak(Box::new(Permits::of_pool(2)));
        let job = move || {
            let environment = Arc::new(Environment { told: AtomicBool::new(false) });
            if permits.try_acquire(&environment) {
                assert_eq!(permits.taken(), 1, "there is one");
                permits.release();
                return;
            }
            // Who has the permit gives it back, and tells. A second look finds it there, if nobody else took it meanwhile.
            while !environment.told.load(Ordering::SeqCst) {
                thread::yield_now();
            }
        };
        let other = thread::spawn(job);
        job();
        other.join().unwrap();
        assert_eq!(permits.taken(), 0);
    });
}
