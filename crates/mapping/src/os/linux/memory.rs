//! Mapped memory: mapping files, populating, locking and dropping pages, and finding lost ones.

use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::io::Errno;

use super::{POPULATE_READ, capabilities, errno_of, last_errno, page_size};

/// The mapped addresses of a file.
pub(crate) type Map = MmapRaw;

/// Maps the file for reading. Writes of other processes become visible.
pub(crate) fn map_shared(file: &File, length: usize) -> Result<Map, Errno> {
    MmapOptions::new().len(length).map_raw_read_only(file).map_err(|error| errno_of(&error))
}

/// Maps the file for reading and writing; stores stay in the mapping. `NORESERVE`, because few pages are ever written:
/// a 1 TiB file must not need 1 TiB of swap.
pub(crate) fn map_copy_on_write(file: &File, length: usize) -> Result<Map, Errno> {
    // SAFETY: the bytes are only accessed through raw pointers, which make no claim about other writers of the file;
    // the guard handles a truncated file.
    let map = unsafe { MmapOptions::new().len(length).no_reserve_swap().map_copy(file) };
    map.map(MmapRaw::from).map_err(|error| errno_of(&error))
}

/// Maps the file, which is open for writing, so that stores reach it.
pub(crate) fn map_write_through(file: &File, length: usize) -> Result<Map, Errno> {
    MmapOptions::new().len(length).map_raw(file).map_err(|error| errno_of(&error))
}

/// Locks pages; reads those that are not resident, and waits for the disk then.
///
/// # Safety
/// The range lies within one live mapping.
pub(crate) unsafe fn lock(start: *mut u8, length: usize) -> Result<(), Errno> {
    // SAFETY: passed on from the caller; no byte changes.
    unsafe { rustix::mm::mlock(start.cast(), length) }
}

/// Unlocks pages. Never fails for mapped pages.
///
/// # Safety
/// As [`lock`].
pub(crate) unsafe fn unlock(start: *mut u8, length: usize) {
    // SAFETY: passed on from the caller; no byte changes.
    _ = unsafe { rustix::mm::munlock(start.cast(), length) };
}

/// Writes stored bytes to the device, and waits for it.
///
/// # Safety
/// As [`lock`].
pub(crate) unsafe fn sync(start: *mut u8, length: usize) -> Result<(), Errno> {
    // SAFETY: passed on from the caller; the memory itself is not changed.
    unsafe { rustix::mm::msync(start.cast(), length, rustix::mm::MsyncFlags::SYNC) }
}

/// EINVAL from `MADV_POPULATE_READ` has several causes; on a good anonymous page it can only mean an old kernel.
pub(super) fn can_populate() -> bool {
    let Ok(page) = MmapOptions::new().len(page_size()).map_anon() else { return false };
    // SAFETY: the page was mapped above and lives until the end of this function.
    unsafe { libc::madvise(page.as_ptr().cast_mut().cast(), page.len(), libc::MADV_POPULATE_READ) == 0 }
}

/// Maps every page of the range into the page table and reads pages that are not resident; waits for the disk. EFAULT
/// where a touch would raise SIGBUS (past the end of the file, or an I/O error). Pages that were populated before an
/// error stay populated. `start` must be page-aligned; EINTR is retried here.
///
/// # Safety
/// The range lies within one live mapping.
pub(crate) unsafe fn populate(start: *const u8, length: usize) -> Result<(), Errno> {
    if capabilities().populate != POPULATE_READ {
        // SAFETY: passed on from the caller.
        unsafe { touch(start, length) };
        return Ok(());
    }
    loop {
        // SAFETY: MADV_POPULATE_READ changes no byte, and the caller vouches for the range.
        if unsafe { libc::madvise(start.cast_mut().cast(), length, libc::MADV_POPULATE_READ) } == 0 {
            return Ok(());
        }
        match last_errno() {
            Errno::INTR => {}
            errno => return Err(errno),
        }
    }
}

/// Populates many ranges by one call (`process_madvise` on this process, Linux 6.14). False where the kernel does not
/// support that, or where not all ranges could be populated: the caller then populates each range separately, which
/// shows the error.
///
/// # Safety
/// Each range is whole pages of a live mapping.
pub(crate) unsafe fn populate_many(ranges: &[(usize, usize)]) -> bool {
    const SELF: libc::c_int = -10_000;
    const MAX: usize = 1024;
    static UNKNOWN: AtomicBool = AtomicBool::new(false);
    if UNKNOWN.load(Ordering::Relaxed) || capabilities().populate != POPULATE_READ {
        return false;
    }
    ranges.chunks(MAX).all(|some| {
        let parts: Vec<libc::iovec> = some
            .iter()
            .map(|&(start, length)| libc::iovec { iov_base: start as *mut libc::c_void, iov_len: length })
            .collect();
        let total: usize = some.iter().map(|&(_, length)| length).sum();
        // SAFETY: populating changes no byte, and the caller vouches for the ranges.
        let done = unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                SELF,
                parts.as_ptr(),
                parts.len(),
                libc::MADV_POPULATE_READ,
                0,
            )
        };
        if done < 0 && matches!(last_errno(), Errno::BADF | Errno::INVAL | Errno::NOSYS | Errno::PERM) {
            UNKNOWN.store(true, Ordering::Relaxed);
        }
        usize::try_from(done).is_ok_and(|done| done == total)
    })
}

/// Populates on kernels without `MADV_POPULATE_READ`: reads one byte of each page. Past the end of the file that raises
/// SIGBUS, which the guard turns into zeros and a damage mark; the caller checks both size and mark afterwards.
unsafe fn touch(start: *const u8, length: usize) {
    for page in (0..length).step_by(page_size()) {
        // SAFETY: within the range that the caller vouches for.
        let byte = unsafe { start.add(page) };
        // SAFETY: mapped, and a byte has no alignment; volatile so that it is not optimised away.
        unsafe { byte.read_volatile() };
    }
}

/// Populates the memory of a result by one call (`MADV_POPULATE_WRITE`, Linux 5.14) instead of one page fault per page.
/// Changes no byte; where the kernel refuses, the page faults happen as usual.
pub(crate) fn populate_target(target: &mut [u8]) {
    let page = page_size();
    let start = target.as_mut_ptr().align_offset(page);
    if start < target.len() {
        let length = (target.len() - start) / page * page;
        let whole = &mut target[start..start + length];
        // SAFETY: whole pages of memory that the caller may write; populating changes no byte.
        _ = unsafe { libc::madvise(whole.as_mut_ptr().cast(), length, libc::MADV_POPULATE_WRITE) };
    }
}

/// A part of a mapping that another mapping has replaced.
pub(crate) struct Detached {
    pub(crate) addresses: std::ops::Range<usize>,
    /// The replacement is a private copy of the file; otherwise it is zeros.
    pub(crate) of_file: bool,
}

/// The first part of a shared mapping that is no longer shared, according to `/proc/self/maps`. EIO where that cannot
/// be read.
pub(crate) fn first_detached(of: std::ops::Range<usize>) -> Result<Option<Detached>, Errno> {
    // Read as bytes, because file names need not be UTF-8.
    let list = std::fs::read("/proc/self/maps").map_err(|error| errno_of(&error))?;
    let detached = list.split(|&byte| byte == b'\n').find_map(|line| {
        // As in "7f0a40000000-7f0a40001000 rw-s 00000000 08:01 1234 /path".
        let fields = line.split(|&byte| byte == b' ').filter(|field| !field.is_empty());
        let mut fields = fields.map_while(|field| str::from_utf8(field).ok());
        let (start, end) = fields.next()?.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?.max(of.start);
        let end = usize::from_str_radix(end, 16).ok()?.min(of.end);
        let is_shared = fields.next()?.ends_with('s');
        let inode = fields.nth(2)?;
        (start < end && !is_shared).then_some(Detached { addresses: start..end, of_file: inode != "0" })
    });
    Ok(detached)
}

/// Sets whether a fault of a mapping reads its own page alone, or pages around it. Takes `mmap_lock` for writing, once.
///
/// # Safety
/// The range is one live mapping.
pub(crate) unsafe fn expect_random(start: *mut u8, length: usize, at_random: bool) {
    let advice = if at_random { rustix::mm::Advice::Random } else { rustix::mm::Advice::Normal };
    // SAFETY: passed on from the caller; no byte changes.
    _ = unsafe { rustix::mm::madvise(start.cast(), length, advice) };
}

/// Deactivates pages, so that the kernel reclaims them first (`MADV_COLD`, Linux 5.4). A hint. Takes `mmap_lock` for
/// reading.
///
/// # Safety
/// The range lies within one live mapping.
pub(crate) unsafe fn make_cold(start: *mut u8, length: usize) {
    // SAFETY: passed on from the caller; no byte changes.
    _ = unsafe { rustix::mm::madvise(start.cast(), length, rustix::mm::Advice::LinuxCold) };
}

/// Removes pages from the page table (`MADV_DONTNEED`). The next touch reads the file's bytes again; stores to private
/// pages are lost. Takes `mmap_lock` for reading. The kernel refuses ranges with locked pages (EINVAL); then the other
/// pages are dropped one by one.
///
/// # Safety
/// The pages lie within one live mapping of a file, and `start` is page-aligned.
pub(crate) unsafe fn drop_pages(start: *mut u8, pages: usize) {
    // SAFETY: passed on from the caller.
    let drop = |start: *mut u8, pages: usize| unsafe {
        libc::madvise(start.cast(), pages * page_size(), libc::MADV_DONTNEED)
    };
    if drop(start, pages) != 0 && pages > 1 {
        for page in 0..pages {
            drop(start.wrapping_add(page * page_size()), 1);
        }
    }
}

/// Replaces a mapping by zeros, in one step. The pages are dropped first, in slices: otherwise the kernel would remove
/// all of them from the page table under `mmap_lock`, held for writing.
///
/// # Safety
/// The range is one live mapping of a file whose bytes are no longer needed.
pub(crate) unsafe fn map_zeros(start: *mut u8, length: usize) -> Result<(), Errno> {
    const STEP: usize = 64 << 20;
    for at in (0..length).step_by(STEP) {
        // SAFETY: passed on from the caller.
        unsafe { libc::madvise(start.wrapping_add(at).cast(), STEP.min(length - at), libc::MADV_DONTNEED) };
    }
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: passed on from the caller; the same value keeps owning the addresses.
    let at = unsafe { libc::mmap(start.cast(), length, protection, flags, -1, 0) };
    if at == libc::MAP_FAILED { Err(last_errno()) } else { Ok(()) }
}

/// The bytes that this process may lock; `None` without a limit.
pub(crate) fn lock_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Memlock).current
}

/// The maximum number of mappings of a process.
pub(crate) fn max_mappings() -> usize {
    static MAX: OnceLock<usize> = OnceLock::new();
    const COMMON: usize = 65_530;
    *MAX.get_or_init(|| {
        read_number("/proc/sys/vm/max_map_count").and_then(|max| usize::try_from(max).ok()).unwrap_or(COMMON)
    })
}

fn read_number(path: impl AsRef<Path>) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The limit of a memory cgroup, and the memory that can still be locked, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockableMemory {
    pub(crate) limit: u64,
    pub(crate) left: u64,
}

/// The smallest amount that the memory cgroups of this process leave to be locked; `None` where none has a limit. Pages
/// that can be written back or read again are reclaimable and do not count; a sixteenth of the limit is left to
/// everything else.
pub(crate) fn lockable_memory() -> Option<LockableMemory> {
    const ROOT: &str = "/sys/fs/cgroup";
    const TAKEN: [&str; 6] =
        ["anon", "kernel_stack", "pagetables", "slab_unreclaimable", "sock", "unevictable"];
    const TAKEN_V1: [&str; 2] = ["total_rss", "total_unevictable"];
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let of = |line: &str| {
        // As in "0::/user.slice" (cgroup v2) or "9:memory:/user.slice" (v1).
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let path = path.trim_start_matches('/').to_owned();
        if controllers.is_empty() {
            return Some((Path::new(ROOT).join(path), "memory.max", &TAKEN[..]));
        }
        let is_memory = controllers.split(',').any(|controller| controller == "memory");
        let group = Path::new(ROOT).join("memory").join(path);
        is_memory.then_some((group, "memory.limit_in_bytes", &TAKEN_V1[..]))
    };
    let limited = groups.lines().filter_map(of).flat_map(|(group, limit_name, taken)| {
        let ancestors: Vec<_> =
            group.ancestors().take_while(|at| at.starts_with(ROOT)).map(Path::to_owned).collect();
        ancestors.into_iter().filter_map(move |at| lockable_of(&at, limit_name, taken))
    });
    limited.min_by_key(|memory| memory.left)
}

fn lockable_of(group: &Path, limit_name: &str, taken: &[&str]) -> Option<LockableMemory> {
    // v2 writes "max" for no limit; v1 writes a number larger than any machine's memory.
    let limit = read_number(group.join(limit_name)).filter(|&limit| limit < 1 << 60)?;
    let stat = std::fs::read_to_string(group.join("memory.stat")).ok()?;
    let of = |line: &str| {
        let (name, value) = line.split_once(' ')?;
        taken.contains(&name).then(|| value.parse::<u64>().ok())?
    };
    let taken: u64 = stat.lines().filter_map(of).sum();
    Some(LockableMemory { limit, left: limit.saturating_sub(taken).saturating_sub(limit / 16) })
}
