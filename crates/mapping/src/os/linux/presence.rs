//! Which pages are in memory, by the page table and by the page cache.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use super::page_size;

/// The process's page table, for presence bits; `None` where `/proc` or the right to read it is missing.
fn page_table() -> Option<&'static File> {
    static TABLE: OnceLock<Option<File>> = OnceLock::new();
    TABLE.get_or_init(|| File::open("/proc/self/pagemap").ok()).as_ref()
}

pub(super) fn can_read_page_table() -> bool {
    page_table().is_some()
}

/// Pages looked at in one go: a buffer on the stack, 1 MiB of mapping.
const LOOK: usize = 256;

/// Calls `with` for runs of page-table entries of the range; false where they cannot be read. Never waits for a disk.
fn look_at_page_table(start: usize, pages: usize, mut with: impl FnMut(&[[u8; 8]]) -> bool) -> bool {
    let Some(table) = page_table() else { return false };
    let mut entries = [[0_u8; 8]; LOOK];
    let first = start / page_size();
    let mut done = 0;
    while done < pages {
        let run = &mut entries[..LOOK.min(pages - done)];
        let at = ((first + done) * 8) as u64;
        if table.read_exact_at(run.as_flattened_mut(), at).is_err() || !with(run) {
            return false;
        }
        done += run.len();
    }
    true
}

fn is_present(entry: [u8; 8]) -> bool {
    const PRESENT: u64 = 1 << 63;
    u64::from_ne_bytes(entry) & PRESENT != 0
}

/// Whether each page of the range is in the page table at this moment, so that touching it cannot wait. True for every
/// user, and never waits itself. `start` is an address, page-aligned.
pub(crate) fn all_mapped(start: usize, pages: usize) -> bool {
    look_at_page_table(start, pages, |run| run.iter().all(|&entry| is_present(entry)))
}

/// How many pages of the range are in the page table; zero where that cannot be known.
pub(crate) fn count_mapped(start: usize, pages: usize) -> usize {
    let mut present = 0;
    look_at_page_table(start, pages, |run| {
        present += run.iter().filter(|&&entry| is_present(entry)).count();
        true
    });
    present
}

/// Calls `with` for runs of one byte per page, bit 0 of which says whether the page is in the page cache, by the kernel's word:
/// it says so of every page to users who neither own the file nor may write it. Never waits for a disk; takes `mmap_lock` for
/// reading.
pub(crate) fn look_at_cache(start: usize, pages: usize, mut with: impl FnMut(&[u8]) -> bool) -> bool {
    let mut flags = [0_u8; LOOK];
    let mut done = 0;
    while done < pages {
        let run = &mut flags[..LOOK.min(pages - done)];
        let address = (start + done * page_size()) as *mut libc::c_void;
        // SAFETY: mincore writes one byte per page of the range, for which `run` has room; it reads no memory of ours
        // and answers ENOMEM for addresses that are not mapped.
        let failed = unsafe { libc::mincore(address, run.len() * page_size(), run.as_mut_ptr()) } != 0;
        if failed || !with(run) {
            return false;
        }
        done += run.len();
    }
    true
}

/// Whether the kernel says of each page of the range that it is in the page cache.
pub(crate) fn all_cached(start: usize, pages: usize) -> bool {
    look_at_cache(start, pages, |run| run.iter().all(|flag| flag & 1 == 1))
}
