//! The guard: a chained SIGBUS handler that puts memory under a lost page and marks its mapping as damaged.
//!
//! A touch past the end of a file that was cut, or of a page that the device cannot deliver, raises SIGBUS and would
//! kill the process. The handler finds the mapping in a lock-free table, replaces what was lost by anonymous memory and
//! returns; readers look at the damage mark after each copy, so the zeros are never taken for data. Signals that are not
//! ours go on to whoever was there before. `FAULTLESS_SIGBUS=off` leaves the handler out.

use std::cell::UnsafeCell;
use std::fmt;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::PoisonError;

use crate::os::{capabilities, page_size, stat_now};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicI32, AtomicPtr, AtomicUsize, Mutex};
use crate::table::{Access, Published, Slot, Table};

/// Bad pages of a mapping after which twice as many are replaced at a time: some thousand mappings at most, of the 65,530 that
/// a process may have.
const HITS_BEFORE_DOUBLING: u32 = 512;

static TABLE: Table<512> = Table { newest: AtomicPtr::new(ptr::null_mut()), free: Mutex::new(Vec::new()) };

/// Mappings there are that write through to their files.
static WRITE_THROUGH: AtomicUsize = AtomicUsize::new(0);

/// Whether memory belongs to a mapping that writes through to its file. Copied to that, a range of the file may overlap itself.
pub(crate) fn writes_through(address: *const u8) -> bool {
    let found = |(_, found): (_, Published)| found.access == Access::WriteThrough;
    WRITE_THROUGH.load(Relaxed) > 0 && TABLE.find(address as usize).is_some_and(found)
}

/// A mapping's place in the table. It must be given up before the addresses are unmapped or the descriptor is closed.
pub(crate) struct Guarded {
    slot: &'static Slot,
    access: Access,
}

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("damage", &self.damage()).finish()
    }
}

impl Guarded {
    /// Guards the addresses `start..end`, which map a file from its first byte; `file` is open as long as they are guarded.
    /// Installs the handler, and looks whether somebody has replaced it since the last time.
    pub(crate) fn new(start: usize, end: usize, file: Option<&File>, access: Access) -> Self {
        let fd = file.map_or(-1, AsRawFd::as_raw_fd);
        let slot = TABLE.enter(Published { start, end, fd, access });
        if access == Access::WriteThrough {
            WRITE_THROUGH.fetch_add(1, Relaxed);
        }
        if capabilities().guard {
            install();
        }
        Self { slot, access }
    }

    /// How often pages of the mapping were replaced; anything but 0 means that it no longer mirrors the file.
    pub(crate) fn damage(&self) -> u32 {
        self.slot.damage()
    }

    /// Marks the mapping as damaged.
    pub(crate) fn mark_damaged(&self) {
        self.slot.mark_damaged();
    }

    /// Whether the page at an address was replaced because the file was cut below it.
    pub(crate) fn was_cut(&self, address: usize) -> bool {
        self.slot.was_cut(address)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.access == Access::WriteThrough {
            WRITE_THROUGH.fetch_sub(1, Relaxed);
        }
        TABLE.leave(self.slot);
    }
}

/// Handlers that were in place before ours, the oldest first; more than one when somebody replaced ours and it was put
/// back in front of theirs.
struct Previous {
    actions: [UnsafeCell<MaybeUninit<libc::sigaction>>; PREVIOUS],
    count: AtomicUsize,
}

const PREVIOUS: usize = 8;

// SAFETY: an action is written under `install`'s lock before `count` makes it visible, and never again.
unsafe impl Sync for Previous {}

static BEFORE: Previous = Previous {
    actions: [const { UnsafeCell::new(MaybeUninit::uninit()) }; PREVIOUS],
    count: AtomicUsize::new(0),
};

/// A thread that is handing a signal on, which one, and where on its stack: two handlers that chain to each other must not do so
/// for ever.
struct Passing {
    thread: AtomicI32,
    /// The address of the context that the kernel has made for this signal.
    context: AtomicUsize,
    at: AtomicUsize,
}

impl Passing {
    const fn none() -> Self {
        Self { thread: AtomicI32::new(0), context: AtomicUsize::new(0), at: AtomicUsize::new(0) }
    }

    fn take(&self, thread: i32, context: usize, at: usize) -> bool {
        let is_free = self.thread.compare_exchange(0, thread, Relaxed, Relaxed).is_ok();
        if is_free {
            self.context.store(context, Relaxed);
            self.at.store(at, Relaxed);
        }
        is_free
    }

    fn give_back(&self, thread: i32) {
        _ = self.thread.compare_exchange(thread, 0, Relaxed, Relaxed);
    }

    /// Whether this thread is handing on the same signal, further up on its stack than `here`. A handler may leave by
    /// `siglongjmp`: what is left behind belongs to another signal, or to one that was no further up, and is taken away.
    fn is_above(&self, thread: i32, context: usize, here: usize) -> bool {
        if self.thread.load(Relaxed) != thread {
            return false;
        }
        let above = self.context.load(Relaxed) == context && self.at.load(Relaxed) > here;
        if !above {
            self.give_back(thread);
        }
        above
    }
}

static PASSING: [Passing; 64] = [const { Passing::none() }; 64];

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// Puts the handler in front of whatever is there, unless it is in front already.
fn install() {
    static LOCK: Mutex<()> = Mutex::new(());
    let _lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);

    let mut current = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null action only asks for the current one, which `current` has room for.
    if unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), current.as_mut_ptr()) } != 0 {
        return;
    }
    // SAFETY: zeroed is a valid sigaction, and the call above has filled it.
    let current = unsafe { current.assume_init() };
    if current.sa_sigaction == handler_address() {
        return;
    }

    let count = BEFORE.count.load(Relaxed);
    if count < PREVIOUS {
        // SAFETY: the cell is not visible before `count` says so, and the lock keeps other writers out.
        unsafe { (*BEFORE.actions[count].get()).write(current) };
        BEFORE.count.store(count + 1, Release);
    }
    let mut ours = MaybeUninit::<libc::sigaction>::zeroed();
    let ours = ours.as_mut_ptr();
    // SAFETY: a zeroed sigaction is valid: no flags, an empty mask.
    let ours = unsafe { &mut *ours };
    ours.sa_sigaction = handler_address();
    // ONSTACK: runtimes that run their threads on small stacks bring an alternate one. RESTART: never interrupt a call.
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the action is whole, and the handler below does only what a signal handler may.
    unsafe { libc::sigaction(libc::SIGBUS, ours, ptr::null_mut()) };
}

fn handler_address() -> usize {
    on_sigbus as Handler as usize
}

/// Only atomics, raw system calls and the stack: nothing here may allocate, lock or panic.
extern "C" fn on_sigbus(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the address of this thread's errno is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above. The interrupted code must find its errno as it left it.
    let saved = unsafe { *errno };
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo.
    let told = unsafe { &*info };
    let code = told.si_code;
    // SAFETY: for a fault the union holds the address; for a sent signal it is not used.
    let address = unsafe { told.si_addr() } as usize;

    if code != libc::BUS_ADRERR || !replace_lost_pages(address) {
        pass_on(signal, info, context, code);
    }
    // SAFETY: as above.
    unsafe { *errno = saved };
}

/// Puts memory that is nobody else's under a fault in a guarded mapping; false if the address is not ours. It is zeros, save
/// for a store that the file system has no room for: the file's own bytes are there to be read, and go on to be seen.
fn replace_lost_pages(address: usize) -> bool {
    let Some((slot, found)) = TABLE.find(address) else { return false };
    let page = address & !(page_size() - 1);
    // Marked first: whoever sees a zero of ours must be able to see the mark.
    let hits = slot.mark_damaged();
    let rest = found.end - page;
    // Past the end of the file everything that follows is lost too, and goes in one call: page by page would run into
    // vm.max_map_count. Within the file it is the device that failed, for this page; where it fails again and again, for more
    // and more pages at a time, because each piece is a mapping of its own. A mapping without an open file is copied from, and
    // no more once it is damaged, whatever the rest of it holds.
    let past_the_end = found.fd < 0 || (page - found.start) as u64 >= size_of_file(found.fd);
    let few = page_size().checked_shl(hits / HITS_BEFORE_DOUBLING).unwrap_or(rest).clamp(page_size(), rest);
    let length = if past_the_end { rest } else { few };
    if past_the_end {
        slot.mark_cut(page);
    }
    #[expect(clippy::cast_possible_wrap, reason = "within a mapping, whose length is an isize")]
    let offset = (page - found.start) as libc::off_t;
    let has_bytes = found.access == Access::WriteThrough && !past_the_end && is_readable(found.fd, offset);
    let source = if has_bytes { Some((found.fd, offset)) } else { None };
    let writable = found.access != Access::Read;
    // No room for one more mapping: all of the rest makes none.
    replace(page, length, writable, source) || replace(page, rest, writable, source)
}

/// The size as the kernel knows it: a server is not asked, or its silence would stop the thread here.
fn size_of_file(fd: RawFd) -> u64 {
    // SAFETY: the descriptor is open as long as its mapping is in the table.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    // A plain system call, which a handler may make.
    stat_now(fd).map_or(0, |stat| stat.size)
}

/// Whether the file has a byte at this offset that can be read.
fn is_readable(fd: RawFd, offset: libc::off_t) -> bool {
    let mut byte = 0_u8;
    // SAFETY: `byte` has room for the answer; pread is a plain system call, which a handler may make.
    unsafe { libc::pread(fd, (&raw mut byte).cast(), 1, offset) == 1 }
}

/// Maps private memory over lost pages: a copy of what the file has at an offset, or zeros.
fn replace(page: usize, length: usize, writable: bool, source: Option<(RawFd, libc::off_t)>) -> bool {
    let protection = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
    let (fd, offset) = source.unwrap_or((-1, 0));
    let kind = if source.is_some() { 0 } else { libc::MAP_ANONYMOUS };
    let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_NORESERVE | kind;
    // SAFETY: the range lies within a mapping that is in the table, so it is ours and is not unmapped while a thread
    // touches it; MAP_FIXED replaces it in one step.
    let at = unsafe { libc::mmap(page as *mut libc::c_void, length, protection, flags, fd, offset) };
    at != libc::MAP_FAILED
}

/// Hands a signal that is not ours to the handler that was there before, as if ours did not exist.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void, code: libc::c_int) {
    // SAFETY: gettid has no preconditions.
    let thread = unsafe { libc::gettid() };
    // The stack grows downwards.
    let here = (&raw const thread) as usize;
    let depth = PASSING.iter().filter(|place| place.is_above(thread, context as usize, here)).count();
    let before = BEFORE.count.load(Acquire).checked_sub(depth + 1).map(|index| {
        // SAFETY: below `count` every action has been written, and is not written again.
        let action = unsafe { &*BEFORE.actions[index].get() };
        // SAFETY: as above.
        unsafe { action.assume_init_ref() }
    });
    let sent_by_someone = code <= 0;
    match before {
        Some(action) if action.sa_sigaction == libc::SIG_IGN && sent_by_someone => {}
        Some(action) if action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN => {
            let place = PASSING.iter().find(|place| place.take(thread, context as usize, here));
            if action.sa_flags & libc::SA_SIGINFO == 0 {
                // SAFETY: without SA_SIGINFO the handler takes the number alone.
                let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(action.sa_sigaction) };
                handler(signal);
            } else {
                // SAFETY: with SA_SIGINFO it takes these three.
                let handler: Handler = unsafe { std::mem::transmute(action.sa_sigaction) };
                handler(signal, info, context);
            }
            if let Some(place) = place {
                place.give_back(thread);
            }
        }
        _ => die(signal, sent_by_someone),
    }
}

/// The default action: a fault happens again on return and kills the process where it is; a sent signal is sent again.
fn die(signal: libc::c_int, again: bool) {
    // SAFETY: a zeroed sigaction is the default action.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both calls are async-signal-safe.
    unsafe { libc::sigaction(signal, &raw const default, ptr::null_mut()) };
    if again {
        // SAFETY: as above; the signal is blocked until the handler returns.
        unsafe { libc::raise(signal) };
    }
}
