//! Mapped addresses of a file: evidence that touching them cannot wait, starting their I/O, and populating them.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::os::{self, Access, Detached, Errno, Guarded, Map, Stat, page_size};
use crate::page_counts::Run;

/// How far reading in order is begun ahead of the part that is populated, in bytes: docs/performance.md.
const AHEAD_IN_ORDER: u64 = 16 << 20;

/// How far apart parts of the same range may be that are worked at side by side, in bytes.
const NEAR: u64 = 16 << 20;

/// What reading in order looks at and begins in one go, in bytes. Windows of the kernel's that begin where a block does have their
/// marks where they are looked for; those that begin somewhere in between need not.
const BLOCK: u32 = 1 << 20;

/// More bytes than a window of the kernel's read-ahead has: that is as long as the read-ahead, or as a request to the disk may be.
const LONGER_THAN_WINDOWS: u32 = 16 << 20;

/// The mapped pages of a file from its first byte, with what must outlive them.
#[derive(Debug)]
pub(crate) struct Pages {
    // Dropped in this order: the guard lets go, then the addresses go, then the descriptor.
    guarded: Guarded,
    map: Map,
    file: Arc<File>,
    access: Access,
    read_ahead: u64,
    owner: u32,
    cache_visible: OnceLock<bool>,
    /// No fault brings in more than its own page.
    at_random: AtomicBool,
    in_order: Mutex<InOrder>,
}

/// Which part of the file is being read in order, in bytes: from where on, and up to where that has begun.
#[derive(Debug)]
struct InOrder {
    start: u64,
    begun: u64,
}

impl Default for InOrder {
    /// None: whatever comes begins anew.
    fn default() -> Self {
        Self { start: u64::MAX, begun: 0 }
    }
}

impl InOrder {
    /// The blocks that have to be begun for a part whose turn it is, and for those after it; there may be none. The longer the
    /// reading has gone on, the further ahead it is begun. Parts come side by side, so not quite in their order; one before the
    /// first of them begins anew.
    fn next(&mut self, offset: u64, end: u64) -> impl Iterator<Item = u64> {
        let block = u64::from(BLOCK);
        let near = self.begun.saturating_sub(AHEAD_IN_ORDER + NEAR)..=self.begun + NEAR;
        if offset <= self.start || !near.contains(&offset) {
            *self = Self { start: offset, begun: offset - offset % block };
        }
        let from = self.begun;
        let ahead = AHEAD_IN_ORDER.min(end - self.start);
        self.begun = from.max((end + ahead).next_multiple_of(block));
        (from..self.begun).step_by(BLOCK as usize)
    }
}

/// Why a page is no longer the file's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The file was cut below it.
    Cut,
    /// The device could not deliver it.
    Page,
    /// The file system could not take a store to it.
    Store,
}

/// Whole pages of a mapping.
struct Span {
    address: usize,
    pages: usize,
}

impl Pages {
    /// Puts fresh mapped addresses under the guard. `stat` is the file's.
    pub(crate) fn new(map: Map, file: Arc<File>, access: Access, stat: &Stat) -> Self {
        let base = map.as_ptr() as usize;
        let guarded = Guarded::new(base, base + map.len(), &file, access);
        let read_ahead = os::read_ahead(stat.device);
        let (owner, cache_visible, at_random) = (stat.owner, OnceLock::new(), AtomicBool::new(false));
        Self {
            guarded,
            map,
            file,
            access,
            read_ahead,
            owner,
            cache_visible,
            at_random,
            in_order: Mutex::default(),
        }
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.map.len() as u64
    }

    /// Whether zeros stand where bytes of the file should be, or stores do not reach it any more.
    pub(crate) fn is_damaged(&self) -> bool {
        self.guarded.damage() != 0
    }

    /// The first part of the range that is no longer connected to the file, and why. Of a mapping that is copied from, one
    /// lost page makes all suspect; of one that is written through, the kernel knows which.
    pub(crate) fn first_loss(&self, offset: u64, length: usize) -> Option<(Run, Loss)> {
        if !self.is_damaged() || length == 0 {
            return None;
        }
        let start = self.address(offset) as usize;
        let whole = Detached { addresses: start..start + length, of_file: false };
        let found = match self.access {
            Access::WriteThrough => os::first_detached(start..start + length).unwrap_or(Some(whole))?,
            Access::Read | Access::CopyOnWrite => whole,
        };
        let loss = if found.of_file {
            Loss::Store
        } else if self.guarded.was_cut(found.addresses.start) {
            Loss::Cut
        } else {
            Loss::Page
        };
        let base = self.map.as_ptr() as usize;
        Some((found.addresses.start - base..found.addresses.end - base, loss))
    }

    /// The address of a byte of the file. Reading it may wait for the disk, and raises SIGBUS past the file's end.
    pub(crate) fn address(&self, offset: u64) -> *mut u8 {
        debug_assert!(offset <= self.capacity());
        #[expect(clippy::cast_possible_truncation, reason = "within the mapping, whose length is a usize")]
        self.map.as_mut_ptr().wrapping_add(offset as usize)
    }

    fn span(&self, offset: u64, length: usize) -> Span {
        let first = self.address(offset) as usize;
        let address = first & !(page_size() - 1);
        Span { address, pages: (first + length - address).div_ceil(page_size()) }
    }

    /// Whether touching the range cannot wait for a disk, on evidence: its pages are in the page cache, where the kernel
    /// tells this user the truth about that, or else in the page table. Never waits; false means "not known".
    pub(crate) fn is_ready(&self, offset: u64, length: usize) -> bool {
        let Span { address, pages } = self.span(offset, length);
        // The page cache is the better question where it may be asked: it takes half the time, and what is there but not
        // mapped yet costs a minor fault, not a disk.
        if self.cache_is_visible() { os::all_cached(address, pages) } else { os::all_present(address, pages) }
    }

    /// Whether the range is in the page table, or, where nobody may look there, in the page cache. Never waits; false means "not
    /// known".
    pub(crate) fn is_mapped(&self, offset: u64, length: usize) -> bool {
        if !os::capabilities().page_table {
            return self.is_ready(offset, length);
        }
        let Span { address, pages } = self.span(offset, length);
        os::all_present(address, pages)
    }

    /// How many pages the range has, how many of them are in the page table, and, where the kernel tells this user the
    /// truth, how many are in the page cache.
    pub(crate) fn count(&self, offset: u64, length: usize) -> (usize, usize, Option<usize>) {
        let Span { address, pages } = self.span(offset, length);
        let cached = self.cache_is_visible().then(|| os::count_cached(address, pages));
        (pages, os::count_present(address, pages), cached)
    }

    /// Whether the kernel tells this user the truth about what is in the page cache.
    pub(crate) fn cache_is_visible(&self) -> bool {
        *self.cache_visible.get_or_init(|| os::may_ask_residency(&self.file, self.owner))
    }

    /// Starts the I/O of exactly these pages and returns at once. Populating would read around each fault by the whole
    /// read-ahead; a request longer than the read-ahead would be cut. Both are avoided by asking in slices.
    pub(crate) fn start_read(&self, offset: u64, length: usize) {
        if self.is_ready(offset, length) {
            return;
        }
        self.request(&self.file, offset, length);
    }

    /// The same for a part of what is gone through in order: then the kernel's own read-ahead asks for what is needed anyway, in
    /// large folios, which take far less CPU time than single pages. It is begun well ahead, so that the disk is not left idle
    /// while a part is populated or JavaScript is at something else.
    pub(crate) fn start_read_in_order(&self, offset: u64, length: usize) {
        let at_random = self.at_random.load(Ordering::Relaxed);
        if at_random || !self.begin_in_order(offset, offset + length as u64) {
            self.start_read(offset, length);
        }
    }

    /// The kernel tells what is in order by what a descriptor was asked for last: parts that come side by side, and perhaps not in
    /// their order, are begun one after the other. `false` where the file system knows no reads that may not wait.
    fn begin_in_order(&self, offset: u64, end: u64) -> bool {
        let mut in_order = self.in_order.lock().unwrap_or_else(PoisonError::into_inner);
        in_order.next(offset, end).take_while(|&at| at < self.capacity()).all(|at| self.begin_block(at))
    }

    fn begin_block(&self, offset: u64) -> bool {
        let block = BLOCK as usize;
        let length = usize::try_from(self.capacity() - offset).map_or(block, |left| left.min(block));
        let Span { address, pages } = self.span(offset, length);
        let is_visible = self.cache_is_visible();
        let cached = if is_visible { os::count_cached(address, pages) } else { 0 };
        if cached == 0 {
            // In the middle of a file only a read that is longer than any window begins one. What may be in memory is copied.
            let wanted = if offset == 0 || !is_visible { BLOCK } else { LONGER_THAN_WINDOWS };
            if !os::begin_window(&self.file, offset, wanted) {
                return false;
            }
        } else if cached < pages {
            // A window that began in between would have its marks elsewhere.
            self.request(&self.file, offset, length);
        }
        os::pass_marks(&self.file, offset, length);
        true
    }

    /// The same through a descriptor of the caller's, whatever is in memory already.
    pub(crate) fn request(&self, file: &File, offset: u64, length: usize) {
        let end = offset + length as u64;
        let mut at = offset;
        while at < end {
            let slice = self.read_ahead.min(end - at);
            os::start_read(file, at, slice);
            at += slice;
        }
    }

    /// Whether a fault is to bring in its own page alone. A descriptor's advice does not reach the faults of its mappings. A hint:
    /// where the kernel does not take it, nothing is said.
    pub(crate) fn expect_random(&self, at_random: bool) {
        if self.at_random.swap(at_random, Ordering::Relaxed) != at_random {
            // SAFETY: this mapping, of which no byte changes.
            unsafe { os::expect_random(self.map.as_mut_ptr(), self.map.len(), at_random) };
        }
    }

    /// Pins pages, by number; brings in those that are not in memory, and waits for the disk then.
    pub(crate) fn lock(&self, pages: Run) -> Result<(), Errno> {
        let (address, length) = self.extent(pages);
        // SAFETY: within this mapping, of which no byte changes.
        unsafe { os::lock(address, length) }
    }

    /// The opposite. Fails for nothing that is mapped.
    pub(crate) fn unlock(&self, pages: Run) {
        let (address, length) = self.extent(pages);
        // SAFETY: as above.
        unsafe { os::unlock(address, length) };
    }

    /// Writes what stores have changed to the device, and waits for it. What was put in the place of lost pages is left out.
    pub(crate) fn sync(&self, offset: u64, length: usize) -> Result<(), Errno> {
        let span = self.span(offset, length);
        let length = span.pages * page_size();
        // SAFETY: within this mapping; the memory itself is not changed.
        unsafe { os::sync(span.address as *mut u8, length) }
    }

    /// The numbers of the pages on which a range lies.
    pub(crate) fn pages_of(&self, offset: u64, length: usize) -> Run {
        let span = self.span(offset, length);
        let first = (span.address - self.map.as_ptr() as usize) / page_size();
        first..first + span.pages
    }

    fn extent(&self, pages: Run) -> (*mut u8, usize) {
        let last = self.map.len() / page_size();
        let (start, end) = (pages.start.min(last), pages.end.min(last));
        (self.map.as_mut_ptr().wrapping_add(start * page_size()), (end - start) * page_size())
    }

    /// Brings the pages of the range into the page table; waits for the disk. On an error part may be populated. EFAULT
    /// where the file's bytes cannot be had, also when the guard has put zeros in their place.
    pub(crate) fn populate(&self, offset: u64, length: usize) -> Result<(), Errno> {
        if length == 0 {
            return Ok(());
        }
        let Span { address, pages } = self.span(offset, length);
        // SAFETY: the span lies within this mapping, because the range does and mappings consist of whole pages.
        unsafe { os::populate(address as *const u8, pages * page_size()) }?;
        if self.first_loss(offset, length).is_some() { Err(Errno::FAULT) } else { Ok(()) }
    }

    /// Copies mapped bytes out. What is lost meanwhile comes out as zeros: look at the damage mark and at the size of the
    /// file afterwards.
    ///
    /// # Safety
    /// `target` has room for `length` bytes outside this mapping; the range lies within the mapping, and its pages exist
    /// (populated or evident) or the guard stands.
    pub(crate) unsafe fn copy(&self, offset: u64, length: usize, target: *mut u8) {
        // SAFETY: passed on from the caller. The bytes may change under the copy, by another process: a torn copy is
        // then what comes out, as with any read of a file that is being written.
        unsafe { std::ptr::copy_nonoverlapping(self.address(offset), target, length) };
    }
}

#[cfg(test)]
mod tests {
    use super::{AHEAD_IN_ORDER, BLOCK, InOrder, NEAR};

    const MIB: u64 = 1 << 20;

    /// The blocks that are begun for a part, by number.
    fn begun(in_order: &mut InOrder, offset: u64, end: u64) -> Vec<u64> {
        in_order.next(offset, end).map(|at| at / u64::from(BLOCK)).collect()
    }

    #[test]
    fn reading_in_order_is_begun_once_and_further_ahead_the_longer_it_lasts() {
        let mut in_order = InOrder::default();
        assert_eq!(begun(&mut in_order, 0, 2 * MIB), [0, 1, 2, 3]);
        assert_eq!(begun(&mut in_order, 2 * MIB, 4 * MIB), [4, 5, 6, 7]);
        let mut ahead = 0;
        for at in 2..32 {
            begun(&mut in_order, at * 2 * MIB, (at + 1) * 2 * MIB);
            ahead = in_order.begun - (at + 1) * 2 * MIB;
        }
        assert_eq!(ahead, AHEAD_IN_ORDER);
    }

    #[test]
    fn parts_that_come_side_by_side_are_begun_in_order() {
        let mut in_order = InOrder::default();
        assert_eq!(begun(&mut in_order, 0, MIB), [0, 1]);
        assert_eq!(
            begun(&mut in_order, 4 * MIB, 5 * MIB),
            [2, 3, 4, 5, 6, 7, 8, 9],
            "with what lies between"
        );
        assert_eq!(begun(&mut in_order, 2 * MIB, 3 * MIB), [], "when its turn comes it has begun");
    }

    #[test]
    fn what_is_gone_through_again_is_begun_again() {
        let mut in_order = InOrder::default();
        for _ in 0..2 {
            assert_eq!(begun(&mut in_order, 0, MIB), [0, 1]);
            assert_eq!(begun(&mut in_order, MIB, 2 * MIB), [2, 3]);
        }
    }

    #[test]
    fn what_lies_far_off_is_begun_by_itself_and_from_the_start_of_its_block() {
        let mut in_order = InOrder::default();
        assert_eq!(begun(&mut in_order, 5 * MIB + 1, 5 * MIB + 2), [5]);
        let far = in_order.begun + NEAR + 1;
        assert_eq!(begun(&mut in_order, far, far + 1), [far / MIB]);
    }
}
