//! Open files: metadata, reads, writes and advice.

use std::fs::File;
use std::io::{IoSliceMut, Seek, Write};
use std::num::NonZeroU64;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, IFlags, Mode, OFlags, ResolveFlags, SeekFrom, Statx, StatxFlags,
    makedev,
};
use rustix::io::Errno;

use super::super::{FileSystem, Stat};
use super::{errno_of, last_errno, page_size};

impl From<Statx> for Stat {
    fn from(found: Statx) -> Self {
        let has_birth = found.stx_mask & StatxFlags::BTIME.bits() != 0;
        Self {
            device: makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
            size: found.stx_size,
            birth: has_birth.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec)),
            irregular: match FileType::from_raw_mode(found.stx_mode.into()) {
                FileType::RegularFile => None,
                FileType::Directory => Some("a directory"),
                FileType::Fifo => Some("a FIFO"),
                FileType::Socket => Some("a socket"),
                FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
                _ => Some("an unknown kind of file"),
            },
        }
    }
}

const STATX_MASK: StatxFlags = StatxFlags::BASIC_STATS.union(StatxFlags::BTIME);

/// Reads the metadata of a path. May wait for the disk or a server.
pub(crate) fn stat_path(path: &Path) -> Result<Stat, Errno> {
    rustix::fs::statx(CWD, path, AtFlags::empty(), STATX_MASK).map(Into::into)
}

/// Reads the metadata of an open file. May wait for a network or FUSE server; hardly ever for a local disk.
pub(crate) fn stat(fd: impl AsFd) -> Result<Stat, Errno> {
    rustix::fs::statx(fd, c"", AtFlags::EMPTY_PATH, STATX_MASK).map(Into::into)
}

/// The metadata of an open file as the kernel knows it, without asking a server: never waits.
pub(crate) fn stat_now(fd: impl AsFd) -> Result<Stat, Errno> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    rustix::fs::statx(fd, c"", flags, STATX_MASK).map(Into::into)
}

/// The size of an open file, on file systems whose `lseek` reads it from memory. Moves the position of the descriptor,
/// which this crate does not use.
pub(crate) fn size_by_seek(fd: impl AsFd) -> Result<u64, Errno> {
    rustix::fs::seek(fd, SeekFrom::End(0))
}

/// Opens a path as `O_PATH`, if the kernel's name cache has all of its components (`RESOLVE_CACHED`, Linux 5.12). Asks
/// no disk and no server, and does not open devices. `None` means "not known", also where the kernel lacks the call.
pub(crate) fn find_now(path: &Path) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok()
}

/// Whether this thread's user may read the result of [`find_now`], on a local file system, where the call does not
/// wait. Linux 5.8; false also where the kernel lacks the call.
pub(crate) fn may_read_now(name: impl AsFd) -> bool {
    let fd = name.as_fd().as_raw_fd();
    let flags = libc::AT_EMPTY_PATH | libc::AT_EACCESS;
    // SAFETY: the name is empty and ends in a zero byte; the call changes nothing.
    unsafe { libc::syscall(libc::SYS_faccessat2, fd, c"".as_ptr(), libc::R_OK, flags) == 0 }
}

/// Opens for reading, or for reading and writing. `O_NONBLOCK` keeps a FIFO without a writer from blocking the thread.
pub(crate) fn open(path: &Path, writable: bool) -> Result<File, Errno> {
    let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = access | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    rustix::fs::open(path, flags, Mode::empty()).map(File::from)
}

/// A second descriptor for the caller's open file; the caller may close theirs at any time.
pub(crate) fn duplicate(fd: i32) -> Result<File, Errno> {
    // SAFETY: F_DUPFD_CLOEXEC only reads the number; a number that is not open gives EBADF.
    let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(last_errno());
    }
    // SAFETY: the descriptor was created above and no other code owns it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(copy) }))
}

/// Opens the file behind a descriptor again, for reading: a separate open file with separate advice. On overlayfs, a
/// mapping through the old open file still shows the lower layer after the file was copied up; a new one shows the
/// upper layer.
pub(crate) fn reopen(fd: impl AsFd) -> Result<File, Errno> {
    open(&link_of(fd.as_fd().as_raw_fd()), false)
}

/// Redirects a descriptor to `/dev/null`: the file behind it is closed, and the number stays taken. Closing a file on a
/// server may wait for the server.
pub(crate) fn redirect_to_null(file: &File) -> Result<(), Errno> {
    let null = open(Path::new("/dev/null"), false)?;
    // SAFETY: both descriptors are open, and `file` still owns the number of the second.
    let number = unsafe { libc::dup3(null.as_raw_fd(), file.as_raw_fd(), libc::O_CLOEXEC) };
    if number < 0 { Err(last_errno()) } else { Ok(()) }
}

/// The access mode of a descriptor.
pub(crate) struct OpenedFor {
    pub(crate) reading: bool,
    pub(crate) writing: bool,
    /// All writes go to the end of the file, whatever their offset.
    pub(crate) appending: bool,
}

/// Reads the flags of a descriptor.
pub(crate) fn opened_for(fd: impl AsFd) -> Result<OpenedFor, Errno> {
    let flags = rustix::fs::fcntl_getfl(fd)?;
    let access = flags & OFlags::RWMODE;
    let reading = access == OFlags::RDONLY || access == OFlags::RDWR;
    let writing = access == OFlags::WRONLY || access == OFlags::RDWR;
    Ok(OpenedFor { reading, writing, appending: flags.contains(OFlags::APPEND) })
}

fn link_of(fd: i32) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{fd}"))
}

/// The path of an open descriptor according to `/proc`.
pub(crate) fn path_of(fd: i32) -> PathBuf {
    let link = link_of(fd);
    std::fs::read_link(&link).unwrap_or(link)
}

/// The path of an open file.
pub(crate) fn path_of_file(file: &File) -> PathBuf {
    path_of(file.as_raw_fd())
}

// Magic numbers of file systems, as in statfs(2).
const BTRFS: u32 = 0x9123_683E;
const EROFS: u32 = 0xE0F5_E1E2;
const EXT: u32 = 0xEF53;
const OVERLAYFS: u32 = 0x794C_7630;
const SQUASHFS: u32 = 0x7371_7368;
const TMPFS: u32 = 0x0102_1994;
const XFS: u32 = 0x5846_5342;
/// cgroup2, debugfs, proc, securityfs, sysfs and tracefs.
const GENERATED: [u32; 6] = [0x6367_7270, 0x6462_6720, 0x9FA0, 0x7363_6673, 0x6265_6572, 0x7472_6163];

/// The properties of the file system of an open file. May wait for a server.
pub(crate) fn file_system(fd: impl AsFd) -> FileSystem {
    let fd = fd.as_fd();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "32-bit numbers, whatever their type"
    )]
    let kind = rustix::fs::fstatfs(fd).map_or(0, |found| found.f_type as u32);
    let id = rustix::fs::fstatvfs(fd).map_or(0, |found| found.f_fsid);
    // The layer below an overlay is known to be ext4 only by the extents flag.
    let copies_match_read = match kind {
        BTRFS | EROFS | EXT | SQUASHFS | TMPFS => true,
        OVERLAYFS => has_extents(fd),
        _ => false,
    };
    FileSystem {
        nowait: matches!(kind, BTRFS | EXT | XFS),
        copies_match_read,
        size_by_seek: matches!(kind, BTRFS | EXT | TMPFS | XFS),
        local: matches!(kind, BTRFS | EROFS | EXT | OVERLAYFS | SQUASHFS | TMPFS | XFS),
        holes_allocate_memory: kind == TMPFS,
        layered: kind == OVERLAYFS,
        generated: GENERATED.contains(&kind),
        id,
    }
}

/// Whether a file is laid out in the extents of ext4. The flag is also visible through an overlay.
fn has_extents(fd: impl AsFd) -> bool {
    const EXTENTS: u32 = 0x0008_0000;
    rustix::fs::ioctl_getflags(fd).unwrap_or(IFlags::empty()).bits() & EXTENTS != 0
}

/// The bytes that one read-ahead request can start: the device's read-ahead. The kernel silently cuts larger requests.
pub(crate) fn read_ahead(device: u64) -> u64 {
    const COMMON: u64 = 128 << 10;
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let found = std::fs::read_to_string(format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb")).ok();
    let kib: Option<u64> = found.and_then(|text| text.trim().parse().ok());
    // Zero switches read-ahead off, and with it longer requests: one page per request remains.
    kib.map_or(COMMON, |kib| (kib << 10).max(page_size() as u64))
}

/// Starts reading `length` bytes at `offset` into the page cache and returns at once; takes no `mmap_lock`. The kernel
/// cuts the request at the device's read-ahead. For the kernel a length of zero means "to the end of the file"; here it
/// does nothing. Errors are ignored: a later read of the range reports them.
pub(crate) fn start_read(file: &File, offset: u64, length: u64) {
    if let Some(length) = NonZeroU64::new(length) {
        _ = rustix::fs::fadvise(file, offset, Some(length), rustix::fs::Advice::WillNeed);
    }
}

/// Starts a window of the kernel's own read-ahead at `offset`, where no page is in memory yet, and returns at once;
/// takes no `mmap_lock`. A non-blocking read (`RWF_NOWAIT`) starts the window and returns no bytes. The window is as
/// long as the read, up to the device's read-ahead. `false` where the file system does not support such reads; a later
/// read reports other errors.
pub(crate) fn begin_window(file: &File, offset: u64, length: u32) -> bool {
    const PART: u32 = 16 << 10;
    const MAX_PARTS: usize = 1024;
    // Pages that have become resident meanwhile are copied, all to the same buffer, which is not used.
    let mut nowhere = [0_u8; PART as usize];
    let part = libc::iovec { iov_base: nowhere.as_mut_ptr().cast(), iov_len: nowhere.len() };
    let parts = [part; MAX_PARTS];
    let count = MAX_PARTS.min(length.div_ceil(PART) as usize);
    // SAFETY: the parts lie in `nowhere`, which lives to the end of this function and which no code reads.
    supports_nowait(unsafe { read_nowait(file, offset, &parts[..count]) })
}

/// Triggers the next windows of the kernel's own read-ahead at the marks of the last ones, by a non-blocking read of
/// one byte in each half of the smallest window. Read-ahead allocates large folios, which take far less CPU time than
/// the single pages of [`start_read`].
pub(crate) fn trigger_marks(file: &File, offset: u64, length: usize) {
    const HALF_WINDOW: usize = 64 << 10;
    let mut nowhere = 0_u8;
    let byte = [libc::iovec { iov_base: (&raw mut nowhere).cast(), iov_len: 1 }];
    for at in (0..length).step_by(HALF_WINDOW) {
        // SAFETY: the byte lives to the end of this function, and no code reads it.
        _ = unsafe { read_nowait(file, offset + at as u64, &byte) };
    }
}

/// Reads from the page cache, without waiting for data. It can wait for a file's extent list, so callers check
/// residency first. Returns the number of bytes read, which may be smaller than requested, also before the end of the
/// file (Linux 5.9).
///
/// # Safety
/// `length` bytes at `target` may be written.
pub(crate) unsafe fn read_now(
    file: &File,
    offset: u64,
    target: *mut u8,
    length: usize,
) -> Result<usize, Errno> {
    let part = [libc::iovec { iov_base: target.cast(), iov_len: length }];
    // SAFETY: passed on from the caller.
    unsafe { read_nowait(file, offset, &part) }
}

/// Whether the kernel and the file system support non-blocking reads, according to the result of one.
pub(crate) fn supports_nowait(outcome: Result<usize, Errno>) -> bool {
    !matches!(outcome, Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM))
}

/// # Safety
/// Each part may be written.
unsafe fn read_nowait(file: &File, offset: u64, parts: &[libc::iovec]) -> Result<usize, Errno> {
    // The caller uses another method for an offset that does not fit into `long`.
    let offset = libc::c_long::try_from(offset).map_err(|_| Errno::INVAL)?;
    let upper_half: libc::c_long = 0;
    // SAFETY: preadv2 writes at most the length of the parts, for which the caller vouches. The C library of some
    // targets lacks it.
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
    usize::try_from(read).map_err(|_| last_errno())
}

/// Reads from the file. Waits for the disk. Fewer bytes than requested mean the end of the file.
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

/// Reads from the file into several buffers, one after the other. Waits for the disk. Fewer bytes than requested may
/// mean the end of the file.
pub(crate) fn read_vectored_at(
    file: &File,
    parts: &mut [IoSliceMut<'_>],
    offset: u64,
) -> Result<usize, Errno> {
    rustix::io::retry_on_intr(|| rustix::io::preadv(file, parts, offset))
}

/// Appends up to `length` bytes of the file to `into`. Waits for the disk.
pub(crate) fn append(file: &File, into: &mut Vec<u8>, length: usize, offset: u64) -> Result<(), Errno> {
    into.reserve(length);
    let (mut left, mut at) = (length, offset);
    while left > 0 {
        let space = &mut into.spare_capacity_mut()[..left];
        let count = match rustix::io::pread(file, space, at) {
            Ok((read, _)) => read.len(),
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno),
        };
        if count == 0 {
            break;
        }
        // SAFETY: the kernel has just written this many bytes after the existing ones.
        unsafe { into.set_len(into.len() + count) };
        left -= count;
        at += count as u64;
    }
    Ok(())
}

/// Opens the file behind a descriptor again with `O_APPEND`. Fails without `/proc`.
pub(crate) fn open_appending(file: &File) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC;
    rustix::fs::open(link_of(file.as_raw_fd()), flags, Mode::empty()).map(File::from)
}

/// Appends all of `bytes` to a file that was opened by [`open_appending`] and that no other thread uses meanwhile.
/// Returns the offset of the first byte, and how many bytes were written before an error. The kernel finds the end and
/// writes there under one lock.
pub(crate) fn append_to(mut appender: &File, bytes: &[u8]) -> (u64, usize, Result<(), Errno>) {
    let (mut done, mut end) = (0, 0);
    let outcome = loop {
        if done == bytes.len() {
            break Ok(());
        }
        match appender.write(&bytes[done..]) {
            // A full file system of some kinds returns 0 instead of ENOSPC.
            Ok(0) => break Err(Errno::NOSPC),
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(errno_of(&error)),
        }
        // The position of this open file is the end of its last write, wherever the end of the file is by now.
        match appender.stream_position() {
            Ok(position) => end = position,
            Err(error) => break Err(errno_of(&error)),
        }
    };
    if done == 0 {
        end = appender.seek(std::io::SeekFrom::End(0)).unwrap_or_default();
    }
    (end.saturating_sub(done as u64), done, outcome)
}

/// Allocates the first `length` bytes of a file without changing its size. Waits for the disk.
#[expect(clippy::unnecessary_wraps, reason = "other platforms have no such call")]
pub(crate) fn reserve(file: &File, length: u64) -> Option<Result<(), Errno>> {
    // For the kernel a length of zero is an error.
    if length == 0 {
        return Some(Ok(()));
    }
    Some(rustix::io::retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, length)))
}

/// Writes all of `bytes` to the file; returns how many were written before an error. Waits for the disk where it
/// changes a part of a page that is not resident, and where too many dirty pages wait to be written.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> (usize, Result<(), Errno>) {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], offset + done as u64) {
            // A full file system of some kinds returns 0 instead of ENOSPC.
            Ok(0) => return (done, Err(Errno::NOSPC)),
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return (done, Err(errno_of(&error))),
        }
    }
    (done, Ok(()))
}

/// Waits until written data and the size of the file are on the device.
pub(crate) fn sync_file(file: &File) -> Result<(), Errno> {
    rustix::fs::fdatasync(file)
}

/// Why the kernel refuses a store to this page of a file. The function asks by allocating the page. Where the
/// allocation succeeds, the file system had no space before.
pub(crate) fn store_error(fd: impl AsFd, offset: u64) -> Errno {
    let found = rustix::fs::fallocate(fd, rustix::fs::FallocateFlags::KEEP_SIZE, offset, page_size() as u64);
    match found {
        Err(errno) if errno != Errno::OPNOTSUPP && errno != Errno::NOSYS => errno,
        _ => Errno::NOSPC,
    }
}

/// Advises the kernel how a descriptor will be used; takes no `mmap_lock`. For the kernel a length of zero means "to
/// the end of the file"; here it does nothing. NORMAL, RANDOM and SEQUENTIAL apply to the whole descriptor, whatever
/// the range.
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
