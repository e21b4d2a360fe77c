//! The guard: a chained SIGBUS handler that replaces a lost page by memory and marks its mapping as damaged.
//!
//! A touch past the end of a truncated file, or of a page that the device cannot deliver, raises SIGBUS and would kill
//! the process. The handler finds the mapping in a lock-free table, replaces the lost pages by anonymous memory and
//! returns. Readers check the damage mark after each copy, so they never take the zeros for data. The handler passes
//! other signals on to the previous handler. `FAULTLESS_SIGBUS=off` disables the guard.

use std::cell::UnsafeCell;
use std::fmt;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::PoisonError;

use crate::changes::count_change;
use crate::os::{capabilities, page_size, stat_now};
use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicI32, AtomicPtr, AtomicUsize, Mutex};
use crate::table::{Access, FORGOTTEN, NO_FILE, Published, Slot, Table};

/// After this number of bad pages in one mapping, the handler doubles the number of pages that it replaces at a time.
/// This limits one mapping to some thousand replacements; a process may have 65,530 mappings.
const HITS_PER_DOUBLING: u32 = 512;

static TABLE: Table<512> = Table { newest: AtomicPtr::new(ptr::null_mut()), free: Mutex::new(Vec::new()) };

/// The number of mappings that write through to their files.
static WRITE_THROUGH_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Whether memory belongs to a mapping that writes through to its file. The source and the target of a copy to such
/// memory may overlap.
pub(crate) fn writes_through(address: *const u8) -> bool {
    let found = |(_, found): (_, Published)| found.access == Access::WriteThrough;
    WRITE_THROUGH_COUNT.load(Relaxed) > 0 && TABLE.find(address as usize).is_some_and(found)
}

/// Whether the last byte of a view was replaced by zeros because the file was truncated below it. Everything behind a
/// replaced page is replaced too, so then a part of the view, or all of it, is zeros for good.
pub(crate) fn was_cut(address: *const u8, length: usize) -> bool {
    let last = (address as usize).saturating_add(length.saturating_sub(1));
    length > 0 && TABLE.find(last).is_some_and(|(slot, _)| slot.was_cut(last))
}

/// A mapping's slot in the table. It must be dropped before the addresses are unmapped. Before the descriptor is closed,
/// it must be dropped or have forgotten the file.
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
    /// Guards the addresses `start..end`, which map a file from its first byte. `file` must stay open until they are no
    /// longer guarded, or [`Guarded::forget_file`] returns. Installs the handler, and reinstalls it where another handler
    /// has replaced it since the last call.
    pub(crate) fn new(start: usize, end: usize, file: Option<&File>, access: Access) -> Self {
        let fd = file.map_or(NO_FILE, AsRawFd::as_raw_fd);
        let slot = TABLE.enter(Published { start, end, fd, access });
        if access == Access::WriteThrough {
            WRITE_THROUGH_COUNT.fetch_add(1, Relaxed);
        }
        if capabilities().guard {
            install();
        }
        Self { slot, access }
    }

    /// The number of replacements in the mapping. Any value but 0 means that the mapping no longer mirrors the file.
    pub(crate) fn damage(&self) -> u32 {
        self.slot.damage()
    }

    /// Waits until no handler uses the descriptor, which may be closed afterwards.
    pub(crate) fn forget_file(&self) {
        self.slot.forget_file();
    }

    /// Marks the mapping as damaged.
    pub(crate) fn mark_damaged(&self) {
        self.slot.mark_damaged();
    }

    /// Whether the page at an address was replaced because the file was truncated below it.
    pub(crate) fn was_cut(&self, address: usize) -> bool {
        self.slot.was_cut(address)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.access == Access::WriteThrough {
            WRITE_THROUGH_COUNT.fetch_sub(1, Relaxed);
        }
        TABLE.leave(self.slot);
    }
}

/// The handlers that were installed before ours, the oldest first. There are several where other code replaced our
/// handler and we installed it again in front of theirs.
struct Previous {
    actions: [UnsafeCell<MaybeUninit<libc::sigaction>>; MAX_PREVIOUS],
    count: AtomicUsize,
}

const MAX_PREVIOUS: usize = 8;

// SAFETY: an action is written under `install`'s lock before `count` makes it visible, and never again.
unsafe impl Sync for Previous {}

static PREVIOUS_HANDLERS: Previous = Previous {
    actions: [const { UnsafeCell::new(MaybeUninit::uninit()) }; MAX_PREVIOUS],
    count: AtomicUsize::new(0),
};

/// Records that a thread is passing a signal on: the thread, the signal's context, and the position on the stack. It
/// prevents an endless loop of two handlers that chain to each other.
struct Passing {
    thread: AtomicI32,
    /// The address of the context that the kernel created for this signal.
    context: AtomicUsize,
    at: AtomicUsize,
}

impl Passing {
    const fn none() -> Self {
        Self { thread: AtomicI32::new(0), context: AtomicUsize::new(0), at: AtomicUsize::new(0) }
    }

    fn try_claim(&self, thread: i32, context: usize, at: usize) -> bool {
        let is_free = self.thread.compare_exchange(0, thread, Relaxed, Relaxed).is_ok();
        if is_free {
            self.context.store(context, Relaxed);
            self.at.store(at, Relaxed);
        }
        is_free
    }

    fn release(&self, thread: i32) {
        _ = self.thread.compare_exchange(thread, 0, Relaxed, Relaxed);
    }

    /// Whether this thread is passing on the same signal further up on its stack than `stack_position`. A handler may
    /// leave by `siglongjmp`. The entry that it leaves behind belongs to another signal, or to a position that is not
    /// further up, and is removed.
    fn is_passed_above(&self, thread: i32, context: usize, stack_position: usize) -> bool {
        if self.thread.load(Relaxed) != thread {
            return false;
        }
        let above = self.context.load(Relaxed) == context && self.at.load(Relaxed) > stack_position;
        if !above {
            self.release(thread);
        }
        above
    }
}

static PASSING: [Passing; 64] = [const { Passing::none() }; 64];

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// Installs the handler in front of the current one, unless it is the current one.
fn install() {
    static LOCK: Mutex<()> = Mutex::new(());
    let _lock = LOCK.lock().unwrap_or_else(PoisonError::into_inner);

    let mut current = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null action only reads the current action, for which `current` has space.
    if unsafe { libc::sigaction(libc::SIGBUS, ptr::null(), current.as_mut_ptr()) } != 0 {
        return;
    }
    // SAFETY: zeroed is a valid sigaction, and the call above has filled it.
    let current = unsafe { current.assume_init() };
    if current.sa_sigaction == handler_address() {
        return;
    }

    let count = PREVIOUS_HANDLERS.count.load(Relaxed);
    if count < MAX_PREVIOUS {
        // SAFETY: the cell is not visible before `count` says so, and the lock keeps other writers out.
        unsafe { (*PREVIOUS_HANDLERS.actions[count].get()).write(current) };
        PREVIOUS_HANDLERS.count.store(count + 1, Release);
    }
    let mut ours = MaybeUninit::<libc::sigaction>::zeroed();
    let ours = ours.as_mut_ptr();
    // SAFETY: a zeroed sigaction is valid: no flags, an empty mask.
    let ours = unsafe { &mut *ours };
    ours.sa_sigaction = handler_address();
    // SA_ONSTACK: runtimes that run threads on small stacks provide an alternate stack. SA_RESTART: no call is
    // interrupted.
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    // SAFETY: the action is complete, and the handler below only does async-signal-safe work.
    unsafe { libc::sigaction(libc::SIGBUS, ours, ptr::null_mut()) };
}

fn handler_address() -> usize {
    on_sigbus as Handler as usize
}

/// Uses only atomics, raw system calls and the stack: this function must not allocate, lock or panic.
extern "C" fn on_sigbus(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the address of this thread's errno is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above. The interrupted code must find its errno unchanged.
    let saved = unsafe { *errno };
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo.
    let details = unsafe { &*info };
    let code = details.si_code;
    // SAFETY: for a fault the union holds the address; for a sent signal the address is not used.
    let address = unsafe { details.si_addr() } as usize;

    if code != libc::BUS_ADRERR || !replace_lost_pages(address) {
        pass_on(signal, info, context, code);
    }
    // SAFETY: as above.
    unsafe { *errno = saved };
}

/// Maps private memory at a fault in a guarded mapping; false if the address is not guarded. The memory is zeros, with
/// one exception: where the file system has no space for a store, it is a copy of the file's bytes, so that they can
/// still be read.
fn replace_lost_pages(address: usize) -> bool {
    let Some((slot, found)) = TABLE.find(address) else { return false };
    let page = address & !(page_size() - 1);
    // The mark comes first: a thread that sees a zero of the replacement must also see the mark.
    let hits = slot.mark_damaged();
    let rest = found.end - page;
    let few = page_size().checked_shl(hits / HITS_PER_DOUBLING).unwrap_or(rest).clamp(page_size(), rest);
    let writable = found.access != Access::Read;
    let is_replaced = slot.with_descriptor(|fd| {
        // Past the end of the file, all that follows is lost too, and one call replaces it: single pages would exceed
        // vm.max_map_count. Within the file, the device failed for this page. After repeated failures more pages are
        // replaced at a time, because each replacement is a separate mapping. The same is done where the file was
        // closed, because its end is unknown then. A mapping that never had an open file is only copied from, and no
        // longer used once it is damaged, so its whole rest is replaced.
        let past_the_end = match fd {
            NO_FILE => true,
            FORGOTTEN => false,
            fd => (page - found.start) as u64 >= size_of_file(fd),
        };
        if past_the_end {
            slot.mark_cut(page);
        }
        #[expect(clippy::cast_possible_wrap, reason = "within a mapping, whose length is an isize")]
        let offset = (page - found.start) as libc::off_t;
        let may_have_bytes = found.access == Access::WriteThrough && fd >= 0 && !past_the_end;
        let source = if may_have_bytes && is_readable(fd, offset) { Some((fd, offset)) } else { None };
        let length = if past_the_end { rest } else { few };
        // Where no further mapping is possible, replacing the whole rest needs none.
        replace(page, length, writable, source) || replace(page, rest, writable, source)
    });
    if writable {
        // It belongs to views: their handle reports the loss.
        count_change();
    }
    is_replaced
}

/// The size as the kernel knows it. The call does not ask a server, whose silence would block the thread here.
fn size_of_file(fd: RawFd) -> u64 {
    // SAFETY: the descriptor stays open while the slot's `with_descriptor` runs.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    // statx is a plain system call, which a signal handler may make.
    stat_now(fd).map_or(0, |stat| stat.size)
}

/// Whether the byte of the file at this offset can be read.
fn is_readable(fd: RawFd, offset: libc::off_t) -> bool {
    let mut byte = 0_u8;
    // SAFETY: `byte` has space for the answer; pread is a plain system call, which a signal handler may make.
    unsafe { libc::pread(fd, (&raw mut byte).cast(), 1, offset) == 1 }
}

/// Maps private memory over lost pages: a copy of the file's bytes at an offset, or zeros.
fn replace(page: usize, length: usize, writable: bool, source: Option<(RawFd, libc::off_t)>) -> bool {
    let protection = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
    let (fd, offset) = source.unwrap_or((-1, 0));
    let kind = if source.is_some() { 0 } else { libc::MAP_ANONYMOUS };
    let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_NORESERVE | kind;
    // SAFETY: the range lies within a mapping in the table, so it is ours and is not unmapped while a thread touches
    // it; MAP_FIXED replaces it in one step.
    let at = unsafe { libc::mmap(page as *mut libc::c_void, length, protection, flags, fd, offset) };
    at != libc::MAP_FAILED
}

/// Passes a signal that is not ours to the previous handler, as if our handler did not exist.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void, code: libc::c_int) {
    // SAFETY: gettid has no preconditions.
    let thread = unsafe { libc::gettid() };
    // The stack grows downwards.
    let stack_position = (&raw const thread) as usize;
    let depth = PASSING
        .iter()
        .filter(|entry| entry.is_passed_above(thread, context as usize, stack_position))
        .count();
    let before = PREVIOUS_HANDLERS.count.load(Acquire).checked_sub(depth + 1).map(|index| {
        // SAFETY: below `count` every action has been written, and is not written again.
        let action = unsafe { &*PREVIOUS_HANDLERS.actions[index].get() };
        // SAFETY: as above.
        unsafe { action.assume_init_ref() }
    });
    let sent_by_someone = code <= 0;
    match before {
        Some(action) if action.sa_sigaction == libc::SIG_IGN && sent_by_someone => {}
        Some(action) if action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN => {
            let entry =
                PASSING.iter().find(|entry| entry.try_claim(thread, context as usize, stack_position));
            if action.sa_flags & libc::SA_SIGINFO == 0 {
                // SAFETY: without SA_SIGINFO the handler takes the number alone.
                let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(action.sa_sigaction) };
                handler(signal);
            } else {
                // SAFETY: with SA_SIGINFO it takes these three.
                let handler: Handler = unsafe { std::mem::transmute(action.sa_sigaction) };
                handler(signal, info, context);
            }
            if let Some(entry) = entry {
                entry.release(thread);
            }
        }
        _ => die(signal, sent_by_someone),
    }
}

/// The default action: a fault happens again on return and kills the process at the faulting instruction; a sent signal
/// is sent again.
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
