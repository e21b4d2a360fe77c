//! The mapped addresses of a file: which of its pages are resident, how to populate them, and which were lost.

use std::fs::File;
use std::ops::Range as Span;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::guard::Guarded;
use crate::limits::PIECE;
use crate::os::{self, Detached, Errno, Map, page_size};
use crate::page_counts::Run;
use crate::range::Range;
use crate::table::Access;

/// The mapped pages of a file from its first byte, with spare pages past its end.
#[derive(Debug)]
pub(crate) struct Pages {
    // Dropped in this order: the guard gives up its slot before the addresses are unmapped.
    guarded: Guarded,
    map: Map,
    access: Access,
    id: u32,
}

/// Why a page no longer belongs to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The file was truncated below it.
    Cut,
    /// The device could not deliver it.
    Page,
    /// The file system had no space for a store to it.
    Store,
}

impl Pages {
    /// Guards newly mapped addresses. `file` is an open file of them, if the guard has to distinguish a truncated file
    /// from a bad page. It stays open until this value is dropped or [`Pages::forget_file`] returns.
    pub(crate) fn new(map: Map, file: Option<&File>, access: Access) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let base = map.as_ptr() as usize;
        let guarded = Guarded::new(base, base + map.len(), file, access);
        Self { guarded, map, access, id: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// The guard no longer uses the file, which may be closed afterwards.
    pub(crate) fn forget_file(&self) {
        self.guarded.forget_file();
    }

    /// Identifies a mapping; never 0 for the first four billion mappings.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn capacity(&self) -> u64 {
        self.map.len() as u64
    }

    /// Whether zeros replace bytes of the file, or stores no longer reach it.
    pub(crate) fn is_damaged(&self) -> bool {
        self.guarded.damage() != 0
    }

    /// The first part of the range that is no longer connected to the file, and the reason. In a mapping that is only
    /// copied from, one lost page makes the whole range suspect; for one that writes through, the kernel lists the
    /// replaced parts.
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

    /// The first address of the pages of a range, and their number.
    fn span(&self, offset: u64, length: usize) -> (usize, usize) {
        let first = self.address(offset) as usize;
        let address = first & !(page_size() - 1);
        (address, (first + length - address).div_ceil(page_size()))
    }

    /// Whether the range is in the page table, so that touching it cannot wait. True is correct for every user; false
    /// may mean "not known".
    pub(crate) fn is_mapped(&self, offset: u64, length: usize) -> bool {
        let (address, pages) = self.span(offset, length);
        os::count_mapped(address, pages) == pages
    }

    /// Whether the range is in the page cache at this moment, where `mincore` is reliable for this user.
    pub(crate) fn is_cached(&self, offset: u64, length: usize) -> bool {
        self.mincore_reports_cached(offset, length) && self.mincore_is_reliable()
    }

    /// Whether `mincore` reports the range as cached. The report may be false.
    pub(crate) fn mincore_reports_cached(&self, offset: u64, length: usize) -> bool {
        let (address, pages) = self.span(offset, length);
        os::all_cached(address, pages)
    }

    /// Calls `with` for runs of these pages, by number, that are in the page table.
    pub(crate) fn scan_page_table(&self, pages: &Run, mut with: impl FnMut(Run)) {
        let (address, length) = self.extent(pages.clone());
        let first = pages.start;
        os::scan_page_table(address as usize, length / page_size(), |run| {
            with(first + run.start..first + run.end);
        });
    }

    /// Calls `with` for these pages, by number, that `mincore` reports as cached. The report may be false.
    pub(crate) fn scan_page_cache(&self, pages: &Run, mut with: impl FnMut(Run)) {
        let (address, length) = self.extent(pages.clone());
        let mut at = pages.start;
        os::scan_page_cache(address as usize, length / page_size(), |flags| {
            for flag in flags {
                if flag & 1 == 1 {
                    with(at..at + 1);
                }
                at += 1;
            }
            true
        });
    }

    /// Whether `mincore` is reliable for this user at this moment. It reports every page as cached to users who neither
    /// own the file nor may write it. The kernel checks the user, the file and the layers below at each call, so this
    /// function asks about a page that cannot be cached: the last spare page, past the end of the file.
    pub(crate) fn mincore_is_reliable(&self) -> bool {
        let last = self.map.as_ptr() as usize + self.map.len() - page_size();
        let mut cached = true;
        os::scan_page_cache(last, 1, |flags| {
            cached = flags[0] & 1 == 1;
            true
        });
        !cached
    }

    /// The number of pages of the range, how many of them are in the page table, and how many are in the page cache,
    /// where `mincore` is reliable for this user.
    pub(crate) fn count(&self, offset: u64, length: usize) -> (usize, usize, Option<usize>) {
        let (address, pages) = self.span(offset, length);
        let mut cached = 0;
        os::scan_page_cache(address, pages, |run| {
            cached += run.iter().filter(|&flag| flag & 1 == 1).count();
            true
        });
        (pages, os::count_mapped(address, pages), self.mincore_is_reliable().then_some(cached))
    }

    /// The parts of the range that are not in the page cache, or all of it where `mincore` is not reliable. Never
    /// waits.
    pub(crate) fn missing(&self, offset: u64, length: usize) -> Vec<Span<u64>> {
        let (address, pages) = self.span(offset, length);
        let page = page_size() as u64;
        let first = address as u64 - self.map.as_ptr() as u64;
        let mut missing: Vec<Span<u64>> = Vec::new();
        let mut at = first;
        os::scan_page_cache(address, pages, |run| {
            for flag in run {
                match missing.last_mut() {
                    _ if flag & 1 == 1 => {}
                    Some(last) if last.end == at => last.end = at + page,
                    _ => missing.push(at..at + page),
                }
                at += page;
            }
            true
        });
        if at != first + pages as u64 * page || !self.mincore_is_reliable() {
            return std::iter::once(offset..offset + length as u64).collect();
        }
        missing
    }

    /// Sets whether a fault reads its own page alone, or pages around it. A hint: errors are ignored.
    pub(crate) fn expect_random(&self, at_random: bool) {
        // SAFETY: this mapping, whose bytes do not change.
        unsafe { os::expect_random(self.map.as_mut_ptr(), self.map.len(), at_random) };
    }

    /// Makes the kernel reclaim these pages first when memory is short.
    pub(crate) fn make_cold(&self, offset: u64, length: usize) {
        let (address, pages) = self.span(offset, length);
        // SAFETY: within this mapping, whose bytes do not change.
        unsafe { os::make_cold(address as *mut u8, pages * page_size()) };
    }

    /// Removes the whole pages of a range of a file of this size from the page table, so that the kernel can reclaim
    /// them. Stores to copy-on-write pages exist nowhere else, so those pages stay; so do locked pages. A concurrent
    /// store to a copy-on-write page may be lost.
    pub(crate) fn drop_pages(&self, range: Range, size: u64) {
        let page = page_size() as u64;
        let end = if range.end() >= size { size.next_multiple_of(page) } else { range.end() / page * page };
        let end = self.address(end.min(self.capacity())) as usize;
        let start = self.address(range.offset.next_multiple_of(page).min(self.capacity())) as usize;
        for start in (start..end).step_by(PIECE) {
            let pages = PIECE.min(end - start) / page_size();
            let drop = |run: Run| {
                // SAFETY: within this mapping. Its pages are read from the file again.
                unsafe { os::drop_pages((start + run.start * page_size()) as *mut u8, run.len()) };
            };
            if self.access == Access::CopyOnWrite {
                os::scan_unmodified_pages(start, pages, drop);
            } else {
                drop(0..pages);
            }
        }
    }

    /// Replaces all pages by zeros that are private to this process. Threads that touch them meanwhile see either
    /// content. Afterwards the mapping counts as damaged.
    pub(crate) fn replace_by_zeros(&self) -> Result<(), Errno> {
        self.guarded.mark_damaged();
        // SAFETY: this mapping, all of it.
        unsafe { os::map_zeros(self.map.as_mut_ptr(), self.map.len()) }
    }

    /// Locks pages, by number; reads those that are not resident, and waits for the disk then.
    pub(crate) fn lock(&self, pages: Run) -> Result<(), Errno> {
        let (address, length) = self.extent(pages);
        // SAFETY: within this mapping, whose bytes do not change.
        unsafe { os::lock(address, length) }
    }

    /// Unlocks pages. Never fails for mapped pages.
    pub(crate) fn unlock(&self, pages: Run) {
        let (address, length) = self.extent(pages);
        // SAFETY: as above.
        unsafe { os::unlock(address, length) };
    }

    /// Writes stored bytes to the device, and waits for it. Replacements of lost pages are left out.
    pub(crate) fn sync(&self, offset: u64, length: usize) -> Result<(), Errno> {
        let (address, pages) = self.span(offset, length);
        // SAFETY: within this mapping; the memory itself is not changed.
        unsafe { os::sync(address as *mut u8, pages * page_size()) }
    }

    /// The numbers of the pages of a range.
    pub(crate) fn pages_of(&self, offset: u64, length: usize) -> Run {
        let (address, pages) = self.span(offset, length);
        let first = (address - self.map.as_ptr() as usize) / page_size();
        first..first + pages
    }

    fn extent(&self, pages: Run) -> (*mut u8, usize) {
        let last = self.map.len() / page_size();
        let (start, end) = (pages.start.min(last), pages.end.min(last));
        (self.map.as_mut_ptr().wrapping_add(start * page_size()), (end - start) * page_size())
    }

    /// Brings the pages of the range into the page table; waits for the disk. After an error, a part may be populated.
    /// EFAULT where the file's bytes are unavailable, also when the guard has replaced them by zeros.
    pub(crate) fn populate(&self, offset: u64, length: usize) -> Result<(), Errno> {
        if length == 0 {
            return Ok(());
        }
        let (address, pages) = self.span(offset, length);
        // SAFETY: the span lies within this mapping, because the range does and mappings consist of whole pages.
        unsafe { os::populate(address as *const u8, pages * page_size()) }?;
        if self.first_loss(offset, length).is_some() { Err(Errno::FAULT) } else { Ok(()) }
    }

    /// Brings pages from the page cache into the page table. Waits for pages that are not cached.
    pub(crate) fn map(&self, pages: &Run) {
        let (address, length) = self.extent(pages.clone());
        // SAFETY: within this mapping. Where the file ends inside these pages, the pages before its end are mapped.
        _ = unsafe { os::populate(address, length) };
    }

    /// Populates many ranges in one call. False where one cannot be populated, or the kernel does not support the call:
    /// the caller then populates each range separately.
    pub(crate) fn populate_many(&self, ranges: &[Range]) -> bool {
        let spans: Vec<_> = ranges
            .iter()
            .map(|range| self.span(range.offset, range.length))
            .map(|(address, pages)| (address, pages * page_size()))
            .collect();
        // SAFETY: spans of this mapping, because the ranges are, and mappings consist of whole pages.
        unsafe { os::populate_many(&spans) && !self.is_damaged() }
    }

    /// Copies mapped bytes; false where the copy may contain zeros of the guard instead of the file's bytes. The caller
    /// checks the size of the file afterwards: a page that was truncated inside ends in zeros without any signal.
    ///
    /// # Safety
    /// `target` has space for `length` bytes, and does not write through to a file; the range lies within the mapping,
    /// and the guard is installed.
    pub(crate) unsafe fn copy(&self, offset: u64, length: usize, target: *mut u8) -> bool {
        if self.is_damaged() {
            return false;
        }
        let source = self.address(offset);
        // SAFETY: passed on from the caller. Another process may change the bytes during the copy: the copy is then
        // torn, as with any read of a file that is being written.
        unsafe { std::ptr::copy_nonoverlapping(source, target, length) };
        !self.is_damaged()
    }
}
