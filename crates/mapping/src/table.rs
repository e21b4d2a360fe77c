//! The table of guarded mappings, which a signal handler reads without a lock while threads come and go.

use std::array;
use std::ptr;

use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::{AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, fence};

/// What touches may do to a mapping, and so to what is put in the place of its lost pages.
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

/// One guarded mapping. An even `version` that is the same before and after means that the fields belong together.
pub(crate) struct Slot {
    version: AtomicU32,
    start: AtomicUsize,
    end: AtomicUsize,
    fd: AtomicI32,
    /// An [`Access`].
    access: AtomicU8,
    /// How often pages of this mapping were replaced.
    damage: AtomicU32,
    /// The lowest address that was replaced because the file was cut below it.
    cut: AtomicUsize,
    taken: AtomicBool,
}

/// What is in a slot: the addresses `start..end` map the file behind `fd` from its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) fd: i32,
    pub(crate) access: Access,
}

const NOTHING: Published = Published { start: 0, end: 0, fd: -1, access: Access::Read };

impl Slot {
    fn new() -> Self {
        Self {
            version: AtomicU32::new(0),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            fd: AtomicI32::new(-1),
            access: AtomicU8::new(Access::Read as u8),
            damage: AtomicU32::new(0),
            cut: AtomicUsize::new(usize::MAX),
            taken: AtomicBool::new(false),
        }
    }

    /// Puts a mapping into a slot that was just taken.
    pub(crate) fn publish(&self, mapping: Published) {
        self.damage.store(0, Relaxed);
        self.cut.store(usize::MAX, Relaxed);
        self.write(mapping);
    }

    /// Empties the slot for whoever comes next.
    pub(crate) fn withdraw(&self) {
        self.write(NOTHING);
        self.taken.store(false, Release);
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

    /// What is published here, if `address` is in it. Async-signal-safe.
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

    /// How often pages of the mapping were replaced.
    pub(crate) fn damage(&self) -> u32 {
        self.damage.load(Acquire)
    }

    /// Marks the mapping as damaged; says how often it was before. Async-signal-safe.
    pub(crate) fn mark_damaged(&self) -> u32 {
        self.damage.fetch_add(1, SeqCst)
    }

    /// Notes that the file was cut below an address. Async-signal-safe.
    pub(crate) fn mark_cut(&self, address: usize) {
        self.cut.fetch_min(address, SeqCst);
    }

    /// Whether the page at an address was replaced because the file was cut below it.
    pub(crate) fn was_cut(&self, address: usize) -> bool {
        address >= self.cut.load(Acquire)
    }
}

/// Some slots, and the way to more of them.
pub(crate) struct Segment<const SLOTS: usize> {
    slots: [Slot; SLOTS],
    next: AtomicPtr<Self>,
}

/// A list of segments, which are appended as they are needed and never freed: the handler may be walking them.
pub(crate) struct Table<const SLOTS: usize> {
    pub(crate) first: AtomicPtr<Segment<SLOTS>>,
}

impl<const SLOTS: usize> Table<SLOTS> {
    /// A slot that nobody else has.
    pub(crate) fn claim(&'static self) -> &'static Slot {
        let mut link = &self.first;
        loop {
            // SAFETY: null, or a segment that was leaked when it was appended, and so lives for ever.
            let Some(segment) = (unsafe { link.load(Acquire).as_ref() }) else {
                append(link);
                continue;
            };
            let free = |slot: &&Slot| slot.taken.compare_exchange(false, true, Acquire, Relaxed).is_ok();
            if let Some(slot) = segment.slots.iter().find(free) {
                return slot;
            }
            link = &segment.next;
        }
    }

    /// The slot of the mapping that `address` is in. Async-signal-safe.
    pub(crate) fn find(&'static self, address: usize) -> Option<(&'static Slot, Published)> {
        let mut link = &self.first;
        // SAFETY: as above.
        while let Some(segment) = unsafe { link.load(Acquire).as_ref() } {
            let here = |slot: &'static Slot| slot.find(address).map(|found| (slot, found));
            if let Some(found) = segment.slots.iter().find_map(here) {
                return Some(found);
            }
            link = &segment.next;
        }
        None
    }
}

fn append<const SLOTS: usize>(link: &AtomicPtr<Segment<SLOTS>>) {
    let fresh = Segment { slots: array::from_fn(|_| Slot::new()), next: AtomicPtr::new(ptr::null_mut()) };
    let fresh = Box::into_raw(Box::new(fresh));
    if link.compare_exchange(ptr::null_mut(), fresh, Release, Relaxed).is_err() {
        // SAFETY: another thread appended first, so nobody has seen `fresh`, which came from a Box.
        drop(unsafe { Box::from_raw(fresh) });
    }
}
