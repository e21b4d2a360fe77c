//! The table of guarded mappings. A signal handler reads it without a lock while threads add and remove entries.

use std::array;

use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::{AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Mutex, fence, yield_now};

/// The access mode of a mapping, and of the replacements of its lost pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Access {
    Read,
    CopyOnWrite,
    WriteThrough,
}

impl From<u8> for Access {
    fn from(number: u8) -> Self {
        match number {
            1 => Self::CopyOnWrite,
            2 => Self::WriteThrough,
            _ => Self::Read,
        }
    }
}

/// One guarded mapping. If `version` is even, and the same before and after a read, the fields belong together.
pub(crate) struct Slot {
    version: AtomicU32,
    start: AtomicUsize,
    end: AtomicUsize,
    fd: AtomicI32,
    /// The number of handlers that use the descriptor.
    users: AtomicU32,
    /// An [`Access`].
    access: AtomicU8,
    /// How often pages of this mapping were replaced.
    damage: AtomicU32,
    /// The lowest address that was replaced because the file was truncated below it.
    cut: AtomicUsize,
}

/// In place of a descriptor: the mapping never had an open file.
pub(crate) const NO_FILE: i32 = -1;
/// In place of a descriptor: the file was closed.
pub(crate) const FORGOTTEN: i32 = -2;

/// The content of a slot: the addresses `start..end` map a file from its first byte. `fd` is an open file of it, or
/// [`NO_FILE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) fd: i32,
    pub(crate) access: Access,
}

const EMPTY: Published = Published { start: 0, end: 0, fd: NO_FILE, access: Access::Read };

impl Slot {
    fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            fd: AtomicI32::new(NO_FILE),
            users: AtomicU32::new(0),
            access: AtomicU8::new(Access::Read as u8),
            damage: AtomicU32::new(0),
            cut: AtomicUsize::new(usize::MAX),
        }
    }

    /// Writes a mapping into a newly taken slot.
    pub(crate) fn publish(&self, mapping: Published) {
        self.damage.store(0, Relaxed);
        self.cut.store(usize::MAX, Relaxed);
        self.write(mapping);
    }

    fn write(&self, mapping: Published) {
        self.version.fetch_add(1, Acquire);
        fence(Release);
        self.start.store(mapping.start, Relaxed);
        self.end.store(mapping.end, Relaxed);
        self.fd.store(mapping.fd, Relaxed);
        self.access.store(mapping.access as u8, Relaxed);
        self.version.fetch_add(1, Release);
    }

    /// The content of the slot, if it contains `address`. Async-signal-safe.
    fn find(&self, address: usize) -> Option<Published> {
        let before = self.version.load(Acquire);
        let found = Published {
            start: self.start.load(Relaxed),
            end: self.end.load(Relaxed),
            fd: self.fd.load(Relaxed),
            access: self.access.load(Relaxed).into(),
        };
        fence(Acquire);
        let whole = before.is_multiple_of(2) && self.version.load(Relaxed) == before;
        (whole && found.start <= address && address < found.end).then_some(found)
    }

    /// Calls `with` with the descriptor, or with [`NO_FILE`] or [`FORGOTTEN`]. The descriptor stays open meanwhile.
    /// Async-signal-safe.
    pub(crate) fn with_descriptor<T>(&self, with: impl FnOnce(i32) -> T) -> T {
        self.users.fetch_add(1, Relaxed);
        // With the fence of `forget_file`: this thread sees that the descriptor is gone, or that thread sees the user.
        fence(SeqCst);
        let outcome = with(self.fd.load(Relaxed));
        self.users.fetch_sub(1, Release);
        outcome
    }

    /// Removes the descriptor, and waits until no handler uses it.
    pub(crate) fn forget_file(&self) {
        self.fd.store(FORGOTTEN, Relaxed);
        fence(SeqCst);
        while self.users.load(Acquire) > 0 {
            yield_now();
        }
    }

    /// How often pages of the mapping were replaced. A thread that has read zeros after another thread's fault must see
    /// the damage: the fence orders this load after those reads.
    pub(crate) fn damage(&self) -> u32 {
        fence(Acquire);
        self.damage.load(Acquire)
    }

    /// Marks the mapping as damaged; returns the previous count. Async-signal-safe.
    pub(crate) fn mark_damaged(&self) -> u32 {
        self.damage.fetch_add(1, SeqCst)
    }

    /// Records that the file was truncated below an address. Async-signal-safe.
    pub(crate) fn mark_cut(&self, address: usize) {
        self.cut.fetch_min(address, SeqCst);
    }

    /// Whether the page at an address was replaced because the file was truncated below it.
    pub(crate) fn was_cut(&self, address: usize) -> bool {
        address >= self.cut.load(Acquire)
    }
}

/// Some slots, and a pointer to the previous segment.
pub(crate) struct Segment<const SLOTS: usize> {
    slots: [Slot; SLOTS],
    next: *const Segment<SLOTS>,
}

/// A list of segments. They are added on demand and never freed, because the handler may be reading them.
pub(crate) struct Table<const SLOTS: usize> {
    pub(crate) newest: AtomicPtr<Segment<SLOTS>>,
    /// Free slots. The handler does not access this list.
    pub(crate) free: Mutex<Vec<&'static Slot>>,
}

impl<const SLOTS: usize> Table<SLOTS> {
    /// Writes a mapping into a free slot.
    pub(crate) fn enter(&'static self, mapping: Published) -> &'static Slot {
        let mut free = self.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let slot = free.pop().unwrap_or_else(|| {
            let segment = self.add_segment();
            let (first, others) = (&segment.slots[0], &segment.slots[1..]);
            free.extend(others);
            first
        });
        drop(free);
        slot.publish(mapping);
        slot
    }

    fn add_segment(&'static self) -> &'static Segment<SLOTS> {
        // The lock of `free` allows one call at a time.
        let next = self.newest.load(Relaxed).cast_const();
        let segment = Box::leak(Box::new(Segment { slots: array::from_fn(|_| Slot::new()), next }));
        self.newest.store(segment, Release);
        segment
    }

    /// Clears a slot and frees it.
    pub(crate) fn leave(&'static self, slot: &'static Slot) {
        slot.write(EMPTY);
        self.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(slot);
    }

    /// The slot of the mapping that contains `address`. Async-signal-safe.
    pub(crate) fn find(&'static self, address: usize) -> Option<(&'static Slot, Published)> {
        let mut link: *const Segment<SLOTS> = self.newest.load(Acquire);
        // SAFETY: null, or a segment that was leaked when it was added, so it is never freed.
        while let Some(segment) = unsafe { link.as_ref() } {
            let here = |slot: &'static Slot| slot.find(address).map(|found| (slot, found));
            if let Some(found) = segment.slots.iter().find_map(here) {
                return Some(found);
            }
            link = segment.next;
        }
        None
    }
}

// SAFETY: slots are atomics, and `next` is written before the segment is shared.
unsafe impl<const SLOTS: usize> Sync for Segment<SLOTS> {}
// SAFETY: as above.
unsafe impl<const SLOTS: usize> Send for Segment<SLOTS> {}
