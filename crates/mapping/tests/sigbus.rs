//! The guard's handling of signals: faults in guarded mappings become zeros, all other signals reach their handlers.
//! Each scene runs in a process of its own, because handlers belong to the process, and some scenes kill it.
//!
//! Each scene was seen to fail with a fault in the guard: one that checks only once for other handlers, that passes
//! nothing on, that ignores sent signals, that ends the process by another signal, and that replaces one page at a
//! time.

#![cfg(not(feature = "portable"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::cell::UnsafeCell;
use std::fs::{self, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};

use faultless_mapping::{MappedFile, Views, page_size};
use memmap2::MmapOptions;

const SCENE: &str = "FAULTLESS_TEST_SCENE";

static OTHER_HANDLER_CALLS: AtomicUsize = AtomicUsize::new(0);

/// Another library's handler: it counts, maps a page at the fault, and lets the program continue.
extern "C" fn other_handler(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    OTHER_HANDLER_CALLS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo.
    let info = unsafe { &*info };
    // SAFETY: for a fault the union holds the address.
    let address = unsafe { info.si_addr() } as usize;
    let page = address & !(page_size() - 1);
    let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the page belongs to the mapping of the truncated file.
    unsafe { libc::mmap(page as *mut libc::c_void, page_size(), libc::PROT_READ, flags, -1, 0) };
}

fn set_other_handler() {
    set_handler(other_handler);
}

fn set_handler(handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void)) {
    // SAFETY: a zeroed sigaction is valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the action is complete.
    assert_eq!(unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) }, 0);
}

/// Rust's runtime has a handler in a test program, for stack overflows; Node has none.
fn clear_handler() {
    // SAFETY: the default action is a valid one.
    unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
}

/// A guarded mapping of a truncated file.
fn truncated_guarded_mapping() -> (tempfile::TempDir, std::sync::Arc<Views>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours");
    fs::write(&path, vec![7; 4 * page_size()]).unwrap();
    let views = MappedFile::open(&path, false).unwrap().views().unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    (folder, views)
}

fn touch_guarded(views: &Views) {
    // SAFETY: an address of a mapping that lives.
    assert_eq!(unsafe { views.address_of(page_size() as u64).read_volatile() }, 0);
}

/// Touches a mapping that the guard does not know, after its file was truncated.
fn touch_foreign() {
    let file = tempfile::tempfile().unwrap();
    file.set_len(page_size() as u64).unwrap();
    // SAFETY: the file is private to this function, which truncates it on purpose.
    let map = unsafe { MmapOptions::new().map(&file) }.unwrap();
    file.set_len(0).unwrap();
    // SAFETY: an address of a mapping that lives.
    unsafe { map.as_ptr().read_volatile() };
}

/// In the child: runs the scene. In the parent: starts the child and returns its exit status.
fn play(name: &str, scene: impl FnOnce()) -> Option<ExitStatus> {
    if std::env::var(SCENE).is_ok_and(|wanted| wanted == name) {
        scene();
        return None;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    Some(child.args(["--exact", name, "--nocapture"]).env(SCENE, name).output().unwrap().status)
}

fn must_succeed(status: Option<ExitStatus>) {
    assert!(status.is_none_or(|status| status.success()), "{status:?}");
}

fn must_die_of_sigbus(status: Option<ExitStatus>) {
    assert!(status.is_none_or(|status| status.signal() == Some(libc::SIGBUS)), "{status:?}");
}

#[test]
fn a_fault_in_a_guarded_mapping_becomes_zeros() {
    must_succeed(play("a_fault_in_a_guarded_mapping_becomes_zeros", || {
        let (_folder, views) = truncated_guarded_mapping();
        touch_guarded(&views);
    }));
}

#[test]
fn without_another_handler_a_foreign_fault_kills_the_process() {
    must_die_of_sigbus(play("without_another_handler_a_foreign_fault_kills_the_process", || {
        clear_handler();
        let (_folder, views) = truncated_guarded_mapping();
        touch_guarded(&views);
        touch_foreign();
    }));
}

#[test]
fn a_sent_sigbus_kills_the_process() {
    must_die_of_sigbus(play("a_sent_sigbus_kills_the_process", || {
        clear_handler();
        let (_folder, _views) = truncated_guarded_mapping();
        // SAFETY: raise has no preconditions.
        unsafe { libc::raise(libc::SIGBUS) };
    }));
}

#[test]
fn a_foreign_fault_reaches_the_previous_handler() {
    must_succeed(play("a_foreign_fault_reaches_the_previous_handler", || {
        set_other_handler();
        let (_folder, views) = truncated_guarded_mapping();
        touch_guarded(&views);
        assert_eq!(
            OTHER_HANDLER_CALLS.load(Ordering::SeqCst),
            0,
            "a guarded fault must not reach the other handler"
        );
        touch_foreign();
        assert_eq!(OTHER_HANDLER_CALLS.load(Ordering::SeqCst), 1);
    }));
}

#[test]
fn a_handler_set_after_ours_is_detected_at_the_next_mapping() {
    must_succeed(play("a_handler_set_after_ours_is_detected_at_the_next_mapping", || {
        let (_folder, first) = truncated_guarded_mapping();
        set_other_handler();
        let (_other, second) = truncated_guarded_mapping();
        touch_guarded(&first);
        touch_guarded(&second);
        assert_eq!(OTHER_HANDLER_CALLS.load(Ordering::SeqCst), 0);
        touch_foreign();
        assert_eq!(OTHER_HANDLER_CALLS.load(Ordering::SeqCst), 1);
    }));
}

unsafe extern "C" {
    // setjmp.h of glibc and of musl both provide sigsetjmp with this signature.
    #[cfg_attr(target_env = "gnu", link_name = "__sigsetjmp")]
    fn sigsetjmp(place: *mut JumpBuffer, save_mask: libc::c_int) -> libc::c_int;
    fn siglongjmp(place: *mut JumpBuffer, value: libc::c_int) -> !;
}

/// More than any platform's `sigjmp_buf`.
#[repr(C, align(16))]
struct JumpBuffer([u64; 64]);

/// The target of the handler's jump.
struct Place(UnsafeCell<JumpBuffer>);

// SAFETY: one thread of the child uses it.
unsafe impl Sync for Place {}

static PLACE: Place = Place(UnsafeCell::new(JumpBuffer([0; 64])));

/// A handler that jumps back into the program, as handlers of some libraries do.
extern "C" fn jumping_handler(
    _signal: libc::c_int,
    _info: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    OTHER_HANDLER_CALLS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the scene has filled the buffer, in a frame that still exists.
    unsafe { siglongjmp(PLACE.0.get(), 1) };
}

#[test]
fn a_handler_that_jumps_is_called_each_time() {
    must_succeed(play("a_handler_that_jumps_is_called_each_time", || {
        set_handler(jumping_handler);
        let (_folder, views) = truncated_guarded_mapping();
        for round in 1..=3 {
            // SAFETY: this frame outlives the jump, and holds nothing that would have to be dropped in between.
            if unsafe { sigsetjmp(PLACE.0.get(), 1) } == 0 {
                touch_foreign();
            }
            assert_eq!(OTHER_HANDLER_CALLS.load(Ordering::SeqCst), round);
        }
        touch_guarded(&views);
    }));
}

/// Rust gives its threads an alternate signal stack. The main thread of Node has none, so handlers run on the faulting
/// stack.
fn without_a_stack_for_signals() {
    let none = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: the description is complete, and the previous one is not requested.
    assert_eq!(unsafe { libc::sigaltstack(&raw const none, std::ptr::null_mut()) }, 0);
}

/// Calls `act` at this depth of the stack.
fn at_depth(depth: usize, act: &dyn Fn()) {
    let frame = std::hint::black_box([0_u8; 512]);
    if depth > 0 {
        at_depth(depth - 1, act);
    } else {
        act();
    }
    std::hint::black_box(frame);
}

#[test]
fn a_handler_that_jumps_is_called_at_any_stack_depth() {
    must_succeed(play("a_handler_that_jumps_is_called_at_any_stack_depth", || {
        without_a_stack_for_signals();
        set_handler(jumping_handler);
        let (_folder, views) = truncated_guarded_mapping();
        for (round, depth) in [0, 8, 64, 1, 64].into_iter().enumerate() {
            // SAFETY: this frame outlives the jump, which leaks a mapping and a file each time.
            if unsafe { sigsetjmp(PLACE.0.get(), 1) } == 0 {
                at_depth(depth, &touch_foreign);
            }
            assert_eq!(OTHER_HANDLER_CALLS.load(Ordering::SeqCst), round + 1);
        }
        touch_guarded(&views);
    }));
}

#[test]
fn a_hundred_thousand_lost_pages_need_one_replacement() {
    must_succeed(play("a_hundred_thousand_lost_pages_need_one_replacement", || {
        let (_folder, handle) = sparse_file();
        let views = handle.views().unwrap();
        assert!(mappings_after_the_loss_of_all_pages(&handle, &views) < 1000);
    }));
}

#[test]
fn a_hundred_thousand_lost_pages_of_a_closed_file_need_some_thousand_replacements() {
    must_succeed(play(
        "a_hundred_thousand_lost_pages_of_a_closed_file_need_some_thousand_replacements",
        || {
            let (_folder, handle) = sparse_file();
            let views = handle.views().unwrap();
            let opened_again = MappedFile::open(handle.path(), false).unwrap();
            drop(handle);
            wait_until_closed(1);
            assert!(mappings_after_the_loss_of_all_pages(&opened_again, &views) < 10_000);
        },
    ));
}

#[test]
fn views_of_a_closed_file_do_not_keep_its_descriptor() {
    must_succeed(play("views_of_a_closed_file_do_not_keep_its_descriptor", || {
        let (_folder, views) = truncated_guarded_mapping();
        wait_until_closed(0);
        // Another file gets the number, and is longer.
        let other = tempfile::tempfile().unwrap();
        other.set_len(1 << 20).unwrap();
        touch_guarded(&views);
    }));
}

const SPARSE_PAGES: u64 = 200_000;

fn sparse_file() -> (tempfile::TempDir, MappedFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    fs::File::create(&path).unwrap().set_len(SPARSE_PAGES * page_size() as u64).unwrap();
    (folder, MappedFile::open(&path, false).unwrap())
}

/// Truncates the file, touches every second page of its views, and returns the number of mappings of the process. One
/// for each page would run into `vm.max_map_count`. The pages have gaps, because adjacent replacements would merge.
fn mappings_after_the_loss_of_all_pages(handle: &MappedFile, views: &Views) -> usize {
    OpenOptions::new().write(true).open(handle.path()).unwrap().set_len(0).unwrap();
    for page in (0..SPARSE_PAGES).step_by(2) {
        // SAFETY: an address of a mapping that lives.
        assert_eq!(unsafe { views.address_of(page * page_size() as u64).read_volatile() }, 0);
    }
    fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// Waits until this number of descriptors of temporary files is open. A background thread closes them.
fn wait_until_closed(count: usize) {
    let is_ours = |link: &std::path::PathBuf| link.starts_with(std::env::temp_dir());
    let open = || {
        let entries = fs::read_dir("/proc/self/fd").unwrap();
        entries.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).filter(is_ours).count()
    };
    while open() > count {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[test]
fn a_disabled_guard_does_not_handle_the_signal() {
    must_die_of_sigbus(play("a_disabled_guard_does_not_handle_the_signal", || {
        clear_handler();
        faultless_mapping::configure(faultless_mapping::Settings { no_guard: true, touch: false });
        let (_folder, views) = truncated_guarded_mapping();
        touch_guarded(&views);
    }));
}
