//! The one shared, read-only mapping of a file that all readers of the process copy from, and its registry.

use std::fs::File;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::os::{self, Errno, FileSystem, Map, Stat, page_size};
use crate::page_counts::{PageCounts, Run};
use crate::pages::Pages;
use crate::reaper::Deferred;
use crate::table::Access;
use crate::weak_map::WeakMap;

/// Identifies a file across open files. An inode is not reused while a mapping keeps it. Its number may be reused,
/// together with the number of its file system: a deleted subvolume of btrfs gives both to the next one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    file_system: u64,
    birth: (i64, u32),
}

impl Identity {
    /// `None` where files cannot be distinguished: a server may give its files any numbers.
    pub(crate) fn of(stat: &Stat, file_system: &FileSystem) -> Option<Self> {
        let birth = stat.birth.filter(|_| file_system.local)?;
        Some(Self { device: stat.device, inode: stat.inode, file_system: file_system.id, birth })
    }
}

static MAPPINGS: LazyLock<WeakMap<Identity, Mapping>> = LazyLock::new(WeakMap::new);

/// A shared, read-only mapping of a file from its first byte, with spare pages past its end for appended data. Any
/// thread may use it. A background thread unmaps it.
#[derive(Debug)]
pub(crate) struct Mapping {
    pages: Deferred<Pages>,
    identity: Option<Identity>,
    /// How many handles have locked each page.
    pins: Mutex<PageCounts>,
    /// One bit per block: whether it was read before. Allocated on first use.
    seen: OnceLock<Box<[AtomicU64]>>,
}

/// The bytes of such a block. A block counts as read when any part of it was read.
const SEEN_BLOCK: u64 = 64 << 10;

/// Separate runs of locked pages in this process. Each run splits a mapping, and a process may have `vm.max_map_count`
/// mappings; beyond that, no memory can be allocated at all.
static LOCKED_RUNS: AtomicUsize = AtomicUsize::new(0);

impl Mapping {
    /// Returns a mapping of an open regular file that covers at least `stat.size` bytes: the registered one, or a new
    /// one. A damaged mapping is never returned again. Does not wait for a disk.
    pub(crate) fn acquire(
        file: &File,
        stat: &Stat,
        file_system: &FileSystem,
        path: &Path,
    ) -> Result<Arc<Self>> {
        match Identity::of(stat, file_system) {
            Some(identity) => {
                let make = || Self::new(file, stat, file_system, Some(identity.clone()), path);
                MAPPINGS.acquire(identity.clone(), |found| found.serves(stat.size), make)
            }
            None => Self::new(file, stat, file_system, None, path).map(Arc::new),
        }
    }

    /// Maps through a separate open file, which needs no descriptor afterwards. Advice of one handle, and its access
    /// mode, then do not affect the others.
    fn new(
        file: &File,
        stat: &Stat,
        file_system: &FileSystem,
        identity: Option<Identity>,
        path: &Path,
    ) -> Result<Self> {
        let own = os::reopen(file).ok();
        let map =
            map_with_spare_pages(stat.size, |length| os::map_shared(own.as_ref().unwrap_or(file), length));
        // On local file systems the close does not wait, and descriptors waiting for the reaper could use up the limit.
        if !file_system.local {
            drop(own.map(|own| Deferred::new(own, false)));
        }
        let pages = Pages::new(map.map_err(|errno| Error::system(errno, "mmap", path))?, None, Access::Read);
        let (pins, seen) = (Mutex::default(), OnceLock::new());
        Ok(Self { pages: Deferred::new(pages, file_system.local), identity, pins, seen })
    }

    /// Whether the mapping is undamaged and long enough for a file of this size.
    pub(crate) fn serves(&self, size: u64) -> bool {
        !self.is_damaged() && size < self.capacity()
    }

    /// Whether `stat` describes the mapped file. A file that cannot be identified counts as another one.
    pub(crate) fn is_of(&self, stat: &Stat, file_system: &FileSystem) -> bool {
        self.identity.is_some() && self.identity == Identity::of(stat, file_system)
    }

    /// Whether the block of this offset was read before. Marks it as read.
    pub(crate) fn mark_read(&self, offset: u64) -> bool {
        let blocks = self.capacity().div_ceil(SEEN_BLOCK);
        #[expect(clippy::cast_possible_truncation, reason = "part of a mapping, whose length is a usize")]
        let seen =
            self.seen.get_or_init(|| (0..blocks.div_ceil(64) as usize).map(|_| AtomicU64::new(0)).collect());
        let block = offset / SEEN_BLOCK;
        let bit = 1 << (block % 64);
        let word = seen.get((block / 64) as usize);
        word.is_some_and(|word| word.fetch_or(bit, Ordering::Relaxed) & bit != 0)
    }

    /// Locks pages for one more handle. Waits for the disk where they are not resident.
    pub(crate) fn pin(&self, pages: Run) -> std::result::Result<(), Errno> {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let before = pins.runs();
        // The calls are made under the lock: otherwise one handle's unlock could overtake another's lock.
        let fresh = pins.add(pages.clone());
        let more = pins.runs().saturating_sub(before);
        let runs = LOCKED_RUNS.fetch_add(more, Ordering::Relaxed) + more;
        LOCKED_RUNS.fetch_sub(before.saturating_sub(pins.runs()), Ordering::Relaxed);
        let outcome = if more > 0 && runs > max_runs() { Err(Errno::NOMEM) } else { Ok(()) };
        let outcome = outcome.and_then(|()| fresh.into_iter().try_for_each(|run| self.pages.lock(run)));
        if outcome.is_err() {
            self.take_back(&mut pins, pages);
        }
        outcome
    }

    /// Whether one more separate run may be locked in this process.
    pub(crate) fn can_lock_more_runs() -> bool {
        LOCKED_RUNS.load(Ordering::Relaxed) < max_runs()
    }

    /// Undoes the lock of one handle.
    pub(crate) fn unpin(&self, pages: Run) {
        self.take_back(&mut self.pins.lock().unwrap_or_else(PoisonError::into_inner), pages);
    }

    fn take_back(&self, pins: &mut PageCounts, pages: Run) {
        let before = pins.runs();
        for run in pins.remove(pages) {
            self.pages.unlock(run);
        }
        let after = pins.runs();
        LOCKED_RUNS.fetch_add(after.saturating_sub(before), Ordering::Relaxed);
        LOCKED_RUNS.fetch_sub(before.saturating_sub(after), Ordering::Relaxed);
    }
}

/// Each run splits a mapping at both ends; half of all mappings are left to other code.
fn max_runs() -> usize {
    os::max_mappings() / 4
}

impl Deref for Mapping {
    type Target = Pages;

    fn deref(&self) -> &Pages {
        &self.pages
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if let Some(identity) = &self.identity {
            MAPPINGS.forget(identity, self);
        }
    }
}

/// Maps a file of this size by `map`, with spare pages past its end. They cost only address space, and save a file that
/// grows a new mapping. Where address space is limited, there is one spare page.
pub(crate) fn map_with_spare_pages(
    size: u64,
    map: impl Fn(usize) -> std::result::Result<Map, Errno>,
) -> std::result::Result<Map, Errno> {
    let map_with = |spare: u64| map(mapped_length(size.saturating_add(spare))?);
    let spare = (size / 8).clamp(1 << 20, 1 << 30);
    map_with(spare)
        .or_else(|errno| if errno == Errno::NOMEM { map_with(page_size() as u64) } else { Err(errno) })
}

fn mapped_length(length: u64) -> std::result::Result<usize, Errno> {
    let length = usize::try_from(length).ok().and_then(|length| length.checked_next_multiple_of(page_size()));
    length.filter(|&length| isize::try_from(length).is_ok()).ok_or(Errno::NOMEM)
}
