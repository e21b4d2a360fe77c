//! Linux: the calls that open, start, populate and look at file pages, with what the kernel does at their edges.

use std::ffi::CString;
use std::fs::File;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, SeekFrom, StatxFlags};
pub use rustix::io::Errno;

use crate::guard;
pub(crate) use crate::guard::Guarded;
pub(crate) use crate::table::Access;

use super::{Capabilities, Stat};

pub use rustix::fs::Advice;

/// The mapped addresses of a file.
pub(crate) type Map = MmapRaw;

/// Maps the file for reading; what others write to it shows.
pub(crate) fn map_shared(file: &File, length: usize) -> Result<Map, Errno> {
    MmapOptions::new().len(length).map_raw_read_only(file).map_err(|error| errno_of(&error))
}

/// Maps the file for reading and writing; what is written stays in the mapping. `NORESERVE`, because hardly any page is ever
/// written: a 1 TiB file must not need 1 TiB of swap.
pub(crate) fn map_copy_on_write(file: &File, length: usize) -> Result<Map, Errno> {
    // SAFETY: the bytes are only ever reached through raw pointers, which make no claim about who else writes the file; a
    // file cut short is what the guard is for.
    let map = unsafe { MmapOptions::new().len(length).no_reserve_swap().map_copy(file) };
    map.map(MmapRaw::from).map_err(|error| errno_of(&error))
}

/// Maps the file, which is open for writing, so that what is written reaches it.
pub(crate) fn map_write_through(file: &File, length: usize) -> Result<Map, Errno> {
    MmapOptions::new().len(length).map_raw(file).map_err(|error| errno_of(&error))
}

/// Pins pages; brings in those that are not in memory, and waits for the disk then.
///
/// # Safety
/// The range lies within one live mapping.
pub(crate) unsafe fn lock(start: *mut u8, length: usize) -> Result<(), Errno> {
    // SAFETY: passed on from the caller; no byte changes.
    unsafe { rustix::mm::mlock(start.cast(), length) }
}

/// The opposite. Fails for nothing that is mapped.
///
/// # Safety
/// As [`lock`].
pub(crate) unsafe fn unlock(start: *mut u8, length: usize) {
    // SAFETY: passed on from the caller; no byte changes.
    _ = unsafe { rustix::mm::munlock(start.cast(), length) };
}

/// Writes what stores have changed to the device, and waits for it.
///
/// # Safety
/// As [`lock`].
pub(crate) unsafe fn sync(start: *mut u8, length: usize) -> Result<(), Errno> {
    // SAFETY: passed on from the caller; the memory itself is not changed.
    unsafe { rustix::mm::msync(start.cast(), length, rustix::mm::MsyncFlags::SYNC) }
}

/// Has what was written by calls on the device, and the length of the file; waits for it.
pub(crate) fn sync_file(file: &File) -> Result<(), Errno> {
    rustix::fs::fdatasync(file)
}

/// What this kernel can do. `FAULTLESS_POPULATE=touch` pretends that it lacks `MADV_POPULATE_READ`.
pub fn capabilities() -> &'static Capabilities {
    static FOUND: OnceLock<Capabilities> = OnceLock::new();
    FOUND.get_or_init(|| Capabilities {
        populate: if populates() { POPULATE_READ } else { "touch" },
        page_table: page_table().is_some(),
        views: true,
        guard: guard::wanted(),
    })
}

const POPULATE_READ: &str = "MADV_POPULATE_READ";

fn populates() -> bool {
    std::env::var_os("FAULTLESS_POPULATE").is_none_or(|how| how != "touch") && probe_populate()
}

/// EINVAL from `MADV_POPULATE_READ` has several causes; on a good anonymous page it can only mean an old kernel.
fn probe_populate() -> bool {
    let Ok(page) = MmapOptions::new().len(page_size()).map_anon() else { return false };
    // SAFETY: the page was mapped above and lives until the end of this function.
    unsafe { libc::madvise(page.as_ptr().cast_mut().cast(), page.len(), libc::MADV_POPULATE_READ) == 0 }
}

/// The size of a page of memory, in bytes.
#[must_use]
pub fn page_size() -> usize {
    rustix::param::page_size()
}

impl From<rustix::fs::Stat> for Stat {
    #[expect(clippy::cast_sign_loss, reason = "the size of a file is never negative")]
    #[expect(clippy::unnecessary_cast, reason = "the C types differ by architecture")]
    fn from(raw: rustix::fs::Stat) -> Self {
        Self {
            device: raw.st_dev,
            inode: raw.st_ino,
            size: raw.st_size as u64,
            owner: raw.st_uid,
            changed: (raw.st_ctime as i64, raw.st_ctime_nsec as u64),
            irregular: match FileType::from_raw_mode(raw.st_mode) {
                FileType::RegularFile => None,
                FileType::Directory => Some("a directory"),
                FileType::Fifo => Some("a FIFO"),
                FileType::Socket => Some("a socket"),
                FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
                _ => Some("no regular file"),
            },
        }
    }
}

/// Looks at what is at `path`. May wait for the disk.
pub(crate) fn stat_path(path: &Path) -> Result<Stat, Errno> {
    rustix::fs::stat(path).map(Into::into)
}

/// Looks at what is at `path` if that is known without asking a disk or a server: the whole way to it lies in the kernel's
/// cache of names (`RESOLVE_CACHED`, Linux 5.12). `None` means "not known", also where the kernel lacks the call. Never waits.
pub(crate) fn stat_path_now(path: &Path) -> Option<Stat> {
    let resolve = ResolveFlags::CACHED;
    // O_PATH opens nothing: no permission to read is needed, no device or FIFO is disturbed.
    let found =
        rustix::fs::openat2(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve).ok()?;
    stat(found).ok()
}

/// Looks at an open file. May wait for a network or FUSE server, for a local disk hardly ever.
pub(crate) fn stat(fd: impl AsFd) -> Result<Stat, Errno> {
    rustix::fs::fstat(fd).map(Into::into)
}

/// How the size of an open file is found out without ever waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizing {
    /// By `lseek` to its end: that does less than `statx`, but it moves the position of the descriptor, and some file systems take a
    /// lock there (overlayfs) or ask a server (NFS, FUSE).
    Seek,
    /// By `statx`, of what the kernel knows already.
    Stat,
}

/// File systems whose `lseek` to the end reads the size from the inode in memory, by the numbers of `statfs(2)`: tmpfs, ext4,
/// XFS and btrfs.
const SIZE_BY_SEEK: [u32; 4] = [0x0102_1994, 0xEF53, 0x5846_5342, 0x9123_683E];

/// How to find out the size of a file whose descriptor nobody else has, and whose position nobody uses.
pub(crate) fn sizing(own: &File) -> Sizing {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "numbers of 32 bits, as whatever type"
    )]
    let known = rustix::fs::fstatfs(own).is_ok_and(|found| SIZE_BY_SEEK.contains(&(found.f_type as u32)));
    if known { Sizing::Seek } else { Sizing::Stat }
}

/// The size the kernel knows at this moment, without asking a server: never waits. Zero bytes of an empty path
/// mean the descriptor itself; a kernel before 4.11 has no statx and answers ENOSYS.
pub(crate) fn size_now(fd: impl AsFd, sizing: Sizing) -> Result<u64, Errno> {
    if sizing == Sizing::Seek {
        return rustix::fs::seek(fd, SeekFrom::End(0));
    }
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    rustix::fs::statx(fd, c"", flags, StatxFlags::SIZE).map(|found| found.stx_size)
}

/// Opens for reading, or for both. `O_NONBLOCK` so that a FIFO without a writer does not hang the thread.
pub(crate) fn open(path: &Path, writable: bool) -> Result<File, Errno> {
    let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    rustix::fs::open(path, flags, Mode::empty()).map(File::from)
}

/// A second descriptor for the caller's open file; theirs may be closed at any time.
pub(crate) fn duplicate(fd: i32) -> Result<File, Errno> {
    // SAFETY: F_DUPFD_CLOEXEC only reads the number; a number that is not open gives EBADF.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(last_errno());
    }
    // SAFETY: the descriptor was made above and belongs to nobody else.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(copy) }))
}

/// Opens the file behind a descriptor anew. On overlayfs a descriptor goes on to show the lower layer when the file has been
/// copied up; a new one shows the upper.
pub(crate) fn reopen(file: &File, writable: bool) -> Result<File, Errno> {
    open(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())), writable)
}

/// What a descriptor was opened for.
pub(crate) struct OpenedFor {
    pub(crate) reading: bool,
    pub(crate) writing: bool,
    /// All writes go to the end of the file, wherever they are sent.
    pub(crate) appending: bool,
}

/// Looks at the flags of a descriptor.
pub(crate) fn opened_for(fd: impl AsFd) -> Result<OpenedFor, Errno> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    let access = flags & OFlags::RWMODE;
    let reading = access == OFlags::RDONLY || access == OFlags::RDWR;
    let writing = access == OFlags::WRONLY || access == OFlags::RDWR;
    Ok(OpenedFor { reading, writing, appending: flags.contains(OFlags::APPEND) })
}

/// Where an open descriptor leads, as `/proc` tells it.
pub(crate) fn path_of(fd: i32) -> std::path::PathBuf {
    let link = std::path::PathBuf::from(format!("/proc/self/fd/{fd}"));
    std::fs::read_link(&link).unwrap_or(link)
}

/// The same of an open file.
pub(crate) fn path_of_file(file: &File) -> std::path::PathBuf {
    path_of(file.as_raw_fd())
}

/// Whether inode numbers alone do not identify a file here (overlayfs may change what is behind one).
pub(crate) fn identity_needs_change_time(fd: impl AsFd) -> bool {
    const OVERLAYFS: i64 = 0x794c_7630;
    #[expect(clippy::unnecessary_cast, reason = "the C type differs by architecture")]
    rustix::fs::fstatfs(fd).is_ok_and(|found| found.f_type as i64 == OVERLAYFS)
}

/// Whether `mincore` tells this user the truth about the file: the kernel's rule since 5.2 is that the caller owns the
/// file, may write it, or holds `CAP_FOWNER`; to everybody else it says that all is resident.
pub(crate) fn may_ask_residency(fd: impl AsFd, owner: u32) -> bool {
    if rustix::process::geteuid().as_raw() == owner {
        return true;
    }
    let Ok(path) = CString::new(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd())) else { return false };
    let access = rustix::fs::Access::WRITE_OK;
    rustix::fs::accessat(CWD, path.as_c_str(), access, AtFlags::EACCESS).is_ok()
}

/// How much one request to start I/O can start, in bytes: the device's read-ahead. Larger requests are silently cut.
pub(crate) fn read_ahead(device: u64) -> u64 {
    const COMMON: u64 = 128 << 10;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let found = std::fs::read_to_string(format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb")).ok();
    let kib: Option<u64> = found.and_then(|text| text.trim().parse().ok());
    // Zero switches read-ahead off, and with it requests to start: one page each is what is left.
    kib.map_or(COMMON, |kib| (kib << 10).max(page_size() as u64))
}

/// Starts reading `length` bytes at `offset` into the page cache and returns at once; takes no `mmap_lock`. The kernel
/// cuts the request at the device's read-ahead. A length of zero would mean "to the end of the file": it is nothing here.
/// Errors do not matter: whoever populates the range meets them.
pub(crate) fn start_read(file: &File, offset: u64, length: u64) {
    if let Some(length) = NonZeroU64::new(length) {
        _ = rustix::fs::fadvise(file, offset, Some(length), rustix::fs::Advice::WillNeed);
    }
}

/// Begins a window of the kernel's own read-ahead at `offset`, where nothing is in memory yet, and returns at once; takes no
/// `mmap_lock`. A read that may not wait (`RWF_NOWAIT`) does it, and finds nothing: a window is as long as what is asked for, up to
/// the device's read-ahead. `false` where the file system knows no such reads; other errors are met by whoever populates.
pub(crate) fn begin_window(file: &File, offset: u64, length: u32) -> bool {
    const PART: u32 = 16 << 10;
    const MOST: usize = 1024;
    // What has come into memory meanwhile is copied: all of it to the same place, where nobody looks.
    let mut nowhere = [0_u8; PART as usize];
    let part = libc::iovec { iov_base: nowhere.as_mut_ptr().cast(), iov_len: nowhere.len() };
    let parts = [part; MOST];
    let count = MOST.min(length.div_ceil(PART) as usize);
    // SAFETY: the parts lie in `nowhere`, which lives to the end of this function and which nobody reads.
    unsafe { read_at_once(file, offset, &parts[..count]) }
}

/// Sets off the next windows of the kernel's own read-ahead, where the last ones have their marks: by a read of one byte in each half of
/// the least window there is, which may not wait. What comes so lies in large folios, which take far less CPU time than the single
/// pages that [`start_read`] asks for.
pub(crate) fn pass_marks(file: &File, offset: u64, length: usize) {
    const HALF_WINDOW: usize = 64 << 10;
    let mut nowhere = 0_u8;
    let byte = [libc::iovec { iov_base: (&raw mut nowhere).cast(), iov_len: 1 }];
    for at in (0..length).step_by(HALF_WINDOW) {
        // SAFETY: the byte lives to the end of this function, and nobody reads it.
        unsafe { read_at_once(file, offset + at as u64, &byte) };
    }
}

/// Reads what is in the page cache, without waiting. `false` where the kernel or the file system does not know how to, or where
/// the offset is none of this machine's `long`.
///
/// # Safety
/// Each part may be written.
unsafe fn read_at_once(file: &File, offset: u64, parts: &[libc::iovec]) -> bool {
    let Ok(offset) = libc::c_long::try_from(offset) else { return false };
    let upper_half: libc::c_long = 0;
    // SAFETY: preadv2 writes at most what the parts hold, for which the caller vouches. The C library of some targets lacks it.
    let read = unsafe {
        libc::syscall(
            libc::SYS_preadv2,
            file.as_raw_fd(),
            parts.as_ptr(),
            parts.len(),
            offset,
            upper_half,
            libc::RWF_NOWAIT,
        )
    };
    read >= 0 || !matches!(last_errno(), Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM)
}

/// Maps every page of the range into the page table, reading what is not in memory; waits for the disk.
/// EFAULT where a touch would raise SIGBUS (past the end of the file, or an I/O error). What was populated before an
/// error stays so. `start` must be page-aligned; EINTR is retried here.
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

/// The way in for kernels without `MADV_POPULATE_READ`: one byte of each page is read. Past the end of the file that is
/// a SIGBUS, which the guard turns into zeros and a damage mark; whoever called looks at both size and mark afterwards.
unsafe fn touch(start: *const u8, length: usize) {
    for page in (0..length).step_by(page_size()) {
        // SAFETY: within the range that the caller vouches for.
        let byte = unsafe { start.add(page) };
        // SAFETY: mapped, and a byte has no alignment; volatile so that it is not optimised away.
        unsafe { byte.read_volatile() };
    }
}

/// The process's page table, for presence bits; `None` where `/proc` or the right to read it is missing.
fn page_table() -> Option<&'static File> {
    static TABLE: OnceLock<Option<File>> = OnceLock::new();
    TABLE.get_or_init(|| File::open("/proc/self/pagemap").ok()).as_ref()
}

/// Pages looked at in one go: a buffer on the stack, 1 MiB of mapping.
const LOOK: usize = 256;

/// Calls `with(first_page, entries)` for runs of page-table entries of the range; false where they cannot be read.
/// Never waits for a disk.
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
pub(crate) fn all_present(start: usize, pages: usize) -> bool {
    look_at_page_table(start, pages, |run| run.iter().all(|&entry| is_present(entry)))
}

/// How many pages of the range are in the page table; zero where that cannot be known.
pub(crate) fn count_present(start: usize, pages: usize) -> usize {
    let mut present = 0;
    look_at_page_table(start, pages, |run| {
        present += run.iter().filter(|&&entry| is_present(entry)).count();
        true
    });
    present
}

/// Calls `with` for runs of one byte per page, bit 0 of which says whether the page is in the page cache. Only for those
/// whom [`may_ask_residency`] allows: others are told that all is resident. Never waits for a disk; takes `mmap_lock`
/// for reading.
fn look_at_cache(start: usize, pages: usize, mut with: impl FnMut(&[u8]) -> bool) -> bool {
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

/// Whether each page of the range is in the page cache: touching it is a minor fault at most.
pub(crate) fn all_cached(start: usize, pages: usize) -> bool {
    look_at_cache(start, pages, |run| run.iter().all(|flag| flag & 1 == 1))
}

/// How many pages of the range are in the page cache.
pub(crate) fn count_cached(start: usize, pages: usize) -> usize {
    let mut cached = 0;
    look_at_cache(start, pages, |run| {
        cached += run.iter().filter(|&flag| flag & 1 == 1).count();
        true
    });
    cached
}

/// Reads the file itself, past any mapping. Waits for the disk. Fewer bytes than asked mean the end of the file.
pub(crate) fn read_at(file: &File, into: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let mut filled = 0;
    while filled < into.len() {
        match file.read_at(&mut into[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(errno_of(&error)),
        }
    }
    Ok(filled)
}

/// Writes all of `bytes` to the file itself, past any mapping; says how many went before an error. Waits for the disk where a
/// page is changed in part that is not in memory, and where too much is waiting to be written.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> (usize, Result<(), Errno>) {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], offset + done as u64) {
            // What a full file system of some kinds says instead of ENOSPC.
            Ok(0) => return (done, Err(Errno::NOSPC)),
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Err(errno_of(&error))),
        }
    }
    (done, Ok(()))
}

/// Why a store to this page of a file is refused: asked of the kernel by having it find room for the page. Where it now finds
/// some, there was none before.
pub(crate) fn why_no_store(fd: impl AsFd, offset: u64) -> Errno {
    let found = rustix::fs::fallocate(fd, rustix::fs::FallocateFlags::KEEP_SIZE, offset, page_size() as u64);
    match found {
        Err(errno) if errno != Errno::OPNOTSUPP && errno != Errno::NOSYS => errno,
        _ => Errno::NOSPC,
    }
}

/// A part of a mapping in whose place something else is mapped.
pub(crate) struct Detached {
    pub(crate) addresses: std::ops::Range<usize>,
    /// A private copy of the file; else zeros.
    pub(crate) of_file: bool,
}

/// The first part of a shared mapping that is not shared any more, by the kernel's own list. EIO where that cannot be read.
pub(crate) fn first_detached(of: std::ops::Range<usize>) -> Result<Option<Detached>, Errno> {
    let list = std::fs::read_to_string("/proc/self/maps").map_err(|error| errno_of(&error))?;
    let detached = list.lines().find_map(|line| {
        // As in "7f0a40000000-7f0a40001000 rw-s 00000000 08:01 1234 /path".
        let mut fields = line.split_ascii_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let start = usize::from_str_radix(start, 16).ok()?.max(of.start);
        let end = usize::from_str_radix(end, 16).ok()?.min(of.end);
        let is_shared = fields.next()?.ends_with('s');
        let inode = fields.nth(2)?;
        (start < end && !is_shared).then_some(Detached { addresses: start..end, of_file: inode != "0" })
    });
    Ok(detached)
}

/// Tells the kernel how a descriptor will be used; takes no `mmap_lock`. A length of zero would mean "to the end of the file":
/// it is nothing here. NORMAL, RANDOM and SEQUENTIAL are for the whole descriptor, whatever the range.
pub(crate) fn advise(
    fd: impl AsFd,
    offset: u64,
    length: u64,
    advice: rustix::fs::Advice,
) -> Result<(), Errno> {
    match NonZeroU64::new(length) {
        Some(length) => rustix::fs::fadvise(fd, offset, Some(length), advice),
        None => Ok(()),
    }
}

/// Has faults of a mapping read their own page alone, or around it again. Takes `mmap_lock` for writing, once.
///
/// # Safety
/// The range is one live mapping.
pub(crate) unsafe fn expect_random(start: *mut u8, length: usize, at_random: bool) {
    let advice = if at_random { rustix::mm::Advice::Random } else { rustix::mm::Advice::Normal };
    // SAFETY: passed on from the caller; no byte changes.
    _ = unsafe { rustix::mm::madvise(start.cast(), length, advice) };
}

/// How many bytes this process may lock; `None` without a limit.
pub(crate) fn lock_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Memlock).current
}

/// The tick of the kernel's coarse clock, in nanoseconds since the start of the machine: read without a system call.
pub(crate) fn tick() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` has room for the answer, and the clock exists since Linux 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    #[expect(clippy::cast_sign_loss, reason = "this clock is never negative")]
    {
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }
}

/// What an error number is called, like ENOENT.
pub(crate) fn name_of(errno: Errno) -> String {
    format!("{:?}", nix::errno::Errno::from_raw(errno.raw_os_error()))
}

/// The kernel's number behind an error of the standard library.
pub(crate) fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// The errno that the last libc call of this thread left behind.
fn last_errno() -> Errno {
    errno_of(&std::io::Error::last_os_error())
}
