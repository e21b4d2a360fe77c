//! Which pages are resident, according to the page table and the page cache.

use std::fs::File;
use std::ops::Range as Span;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::ioctl;

use super::{Errno, page_size, settings};

/// The process's page table, for presence bits; `None` where `/proc` or the permission to read it is missing.
fn page_table() -> Option<&'static File> {
    static TABLE: OnceLock<Option<File>> = OnceLock::new();
    TABLE.get_or_init(|| File::open("/proc/self/pagemap").ok()).as_ref()
}

pub(super) fn can_read_page_table() -> bool {
    page_table().is_some()
}

/// Pages per step: a buffer on the stack, 1 MiB of mapping.
const PAGES_PER_STEP: usize = 256;

/// The argument of `PAGEMAP_SCAN`, as in `linux/fs.h`.
#[repr(C)]
#[derive(Default, Clone, Copy)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    regions: u64,
    regions_length: u64,
    max_pages: u64,
    inverted: u64,
    all_of: u64,
    any_of: u64,
    return_mask: u64,
}

/// One result of `PAGEMAP_SCAN`: addresses.
#[repr(C)]
#[derive(Default, Clone, Copy)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// Calls `with` for each run of pages of the range that is in the page table, with page numbers relative to its start;
/// false where the page table cannot be read. Never waits for a disk; takes `mmap_lock` for reading. `start` is a
/// page-aligned address.
pub(crate) fn scan_page_table(start: usize, pages: usize, mut with: impl FnMut(Span<usize>)) -> bool {
    static HAS_PAGEMAP_SCAN: AtomicBool = AtomicBool::new(true);
    let Some(table) = page_table() else { return false };
    if HAS_PAGEMAP_SCAN.load(Ordering::Relaxed) && !settings().touch {
        match pagemap_scan(table, start, pages, &mut with) {
            // Before Linux 6.7.
            Err(Errno::NOTTY | Errno::NOSYS | Errno::INVAL) => {
                HAS_PAGEMAP_SCAN.store(false, Ordering::Relaxed);
            }
            outcome => return outcome.is_ok(),
        }
    }
    scan_entries(table, start, pages, IS_PRESENT, with)
}

/// Calls `with` for pages of a copy-on-write mapping that are in the page table and still belong to the file: they were
/// not stored to. Calls nothing where the page table cannot be read.
pub(crate) fn scan_unmodified_pages(start: usize, pages: usize, mut with: impl FnMut(Span<usize>)) {
    let Some(table) = page_table() else { return };
    let wanted = Scan { all_of: PRESENT | OF_FILE, ..Scan::default() };
    if settings().touch || pagemap_scan_for(wanted, table, start, pages, &mut with).is_err() {
        scan_entries(table, start, pages, IS_PRESENT | IS_OF_FILE, with);
    }
}

/// Bits of a page table entry.
const IS_PRESENT: u64 = 1 << 63;
const IS_OF_FILE: u64 = 1 << 61;

/// Calls `with` for each page whose entry has all these bits; false where the page table cannot be read.
fn scan_entries(
    table: &File,
    start: usize,
    pages: usize,
    bits: u64,
    mut with: impl FnMut(Span<usize>),
) -> bool {
    let mut entries = [[0_u8; 8]; PAGES_PER_STEP];
    let mut done = 0;
    while done < pages {
        let run = &mut entries[..PAGES_PER_STEP.min(pages - done)];
        let at = ((start / page_size() + done) * 8) as u64;
        if table.read_exact_at(run.as_flattened_mut(), at).is_err() {
            return false;
        }
        for (index, entry) in run.iter().enumerate() {
            if u64::from_ne_bytes(*entry) & bits == bits {
                with(done + index..done + index + 1);
            }
        }
        done += run.len();
    }
    true
}

/// Does the same by one system call for all pages: 512 pages take twice as long as one. It asks for the absent pages,
/// because each reported run takes time.
fn pagemap_scan(
    table: &File,
    start: usize,
    pages: usize,
    with: &mut impl FnMut(Span<usize>),
) -> Result<(), Errno> {
    let mut next = 0;
    let absent = Scan { inverted: PRESENT, all_of: PRESENT, ..Scan::default() };
    pagemap_scan_for(absent, table, start, pages, |run| {
        if next < run.start {
            with(next..run.start);
        }
        next = run.end;
    })?;
    if next < pages {
        with(next..pages);
    }
    Ok(())
}

/// Categories of pages, as numbered in `linux/fs.h`.
const OF_FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;

/// Calls `with` for each run of pages that matches `wanted`.
fn pagemap_scan_for(
    wanted: Scan,
    table: &File,
    start: usize,
    pages: usize,
    mut with: impl FnMut(Span<usize>),
) -> Result<(), Errno> {
    const SCAN: ioctl::Opcode = ioctl::opcode::read_write::<Scan>(b'f', 16);
    let end = (start + pages * page_size()) as u64;
    let number =
        |address: u64| usize::try_from(address).map_or(pages, |address| (address - start) / page_size());
    let mut at = start as u64;
    while at < end {
        let mut regions = [Region::default(); 32];
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            start: at,
            end,
            regions: regions.as_mut_ptr() as u64,
            regions_length: regions.len() as u64,
            ..wanted
        };
        // SAFETY: the number is that of a call that takes a `Scan`.
        let call = unsafe { ioctl::Updater::<SCAN, Scan>::new(&mut scan) };
        // SAFETY: the kernel reads and writes one `Scan` of the given size, and at most as many regions as the array
        // has; both live to the end of the call. It changes no other memory, since no flag requests that.
        unsafe { ioctl::ioctl(table, call) }?;
        for region in regions.iter().take_while(|region| region.end > 0) {
            with(number(region.start)..number(region.end));
        }
        if scan.walk_end <= at {
            return Err(Errno::IO);
        }
        at = scan.walk_end;
    }
    Ok(())
}

/// How many pages are in the page table at this moment, so that touching them cannot wait; zero where that cannot be
/// known. Correct for every user, and never waits. `start` is a page-aligned address.
pub(crate) fn count_mapped(start: usize, pages: usize) -> usize {
    let mut present = 0;
    scan_page_table(start, pages, |run| present += run.len());
    present
}

/// Calls `with` for runs of one byte per page, whose bit 0 says whether the page is in the page cache according to
/// `mincore`. `mincore` reports every page as cached to users who neither own the file nor may write it. Never waits
/// for a disk; takes `mmap_lock` for reading.
pub(crate) fn scan_page_cache(start: usize, pages: usize, mut with: impl FnMut(&[u8]) -> bool) -> bool {
    let mut flags = [0_u8; PAGES_PER_STEP];
    let mut done = 0;
    while done < pages {
        let run = &mut flags[..PAGES_PER_STEP.min(pages - done)];
        let address = (start + done * page_size()) as *mut libc::c_void;
        // SAFETY: mincore writes one byte per page of the range, for which `run` has space; it reads no memory of ours
        // and returns ENOMEM for addresses that are not mapped.
        let failed = unsafe { libc::mincore(address, run.len() * page_size(), run.as_mut_ptr()) } != 0;
        if failed || !with(run) {
            return false;
        }
        done += run.len();
    }
    true
}

/// Whether `mincore` reports each page of the range as cached.
pub(crate) fn all_cached(start: usize, pages: usize) -> bool {
    scan_page_cache(start, pages, |run| run.iter().all(|flag| flag & 1 == 1))
}
