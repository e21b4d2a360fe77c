//! glibc's malloc: whether it is the one in use, what was set from outside, `mallopt`, and what it holds.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_void};
use std::fs;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr;

use libc::c_int;

use crate::stats::Stats;
use crate::tune::Tuning;

#[cfg(target_pointer_width = "32")]
use libc::Elf32_Sym as Symbol;
#[cfg(target_pointer_width = "64")]
use libc::Elf64_Sym as Symbol;

const MALLOC: &CStr = c"malloc";

/// Asks `dladdr1` for the symbol table's entry; dlfcn.h.
const RTLD_DL_SYMENT: c_int = 1;

/// As many arenas as glibc makes before it settles how many there may be: `arena_test` of its malloc.c.
const ARENAS_BEFORE_THE_LIMIT: u64 = if size_of::<usize>() == 4 { 2 } else { 8 };

/// Whether `malloc` is glibc's own; where it is not, whose it is.
pub(crate) fn tunable() -> Result<(), String> {
    match (owner_of_malloc(), malloc_seen_by(c"libc.so.6")) {
        (Some(owner), Some(libc)) if owner == libc => Ok(()),
        (Some(owner), _) => {
            let owner = owner.to_string_lossy();
            Err(format!("malloc comes from {owner} instead of glibc, and only glibc's can be tuned"))
        }
        (None, _) => Err("nothing tells whose malloc this is".to_owned()),
    }
}

/// The file with the `malloc` that everyone calls.
///
/// A program that takes the address of `malloc` has an entry of that name which leads to the definition elsewhere, and
/// `dlsym` finds the entry. Then it is the first object that defines one, in the order in which they were loaded.
fn owner_of_malloc() -> Option<CString> {
    // SAFETY: a name that ends with a null byte; nothing is called.
    let (owner, defined) = symbol_at(unsafe { libc::dlsym(libc::RTLD_DEFAULT, MALLOC.as_ptr()) })?;
    if defined {
        return Some(owner);
    }
    let mut names: Vec<CString> = Vec::new();
    // SAFETY: `note_name` gets the vector, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note_name), (&raw mut names).cast()) };
    // The program itself has no name here.
    names.into_iter().find(|name| !name.is_empty() && malloc_seen_by(name).as_ref() == Some(name))
}

unsafe extern "C" fn note_name(info: *mut libc::dl_phdr_info, _size: usize, names: *mut c_void) -> c_int {
    // SAFETY: the loader's own, for the duration of this call.
    let name = unsafe { (*info).dlpi_name };
    // SAFETY: the loader's names end with a null byte.
    let name = unsafe { CStr::from_ptr(name) };
    // SAFETY: the vector that `owner_of_malloc` passes on.
    let names = unsafe { &mut *names.cast::<Vec<CString>>() };
    names.push(name.to_owned());
    0
}

/// The file that defines `malloc` for an object which is loaded: that object, or one that it needs.
fn malloc_seen_by(name: &CStr) -> Option<CString> {
    // SAFETY: a name that ends with a null byte; with RTLD_NOLOAD no code is run.
    let object = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOLOAD | libc::RTLD_LAZY) };
    if object.is_null() {
        return None;
    }
    // SAFETY: the handle is open; nothing is called.
    let owner = symbol_at(unsafe { libc::dlsym(object, MALLOC.as_ptr()) });
    // SAFETY: the handle was opened above, and others keep the object loaded.
    unsafe { libc::dlclose(object) };
    owner.map(|(name, _)| name)
}

/// The file of the object with a symbol at this address, and whether it defines the symbol.
fn symbol_at(address: *const c_void) -> Option<(CString, bool)> {
    let mut found = MaybeUninit::<libc::Dl_info>::uninit();
    let mut entry: *mut c_void = ptr::null_mut();
    // SAFETY: both have room for the answer, which is 0 for an address in no object.
    let known = unsafe { libc::dladdr1(address, found.as_mut_ptr(), &raw mut entry, RTLD_DL_SYMENT) };
    if known == 0 || entry.is_null() {
        return None;
    }
    // SAFETY: filled in, as the answer says.
    let found = unsafe { found.assume_init() };
    // SAFETY: a name of the loader's, which lives as long as the object; what defines malloc is never unloaded.
    let name = unsafe { CStr::from_ptr(found.dli_fname) };
    // SAFETY: the entry of the object's symbol table; its type is that of this target.
    let section = unsafe { (*entry.cast::<Symbol>()).st_shndx };
    Some((name.to_owned(), section != 0))
}

/// What sets one of these tunables since before the process started: a variable's name, with the tunable's where it has several.
pub(crate) fn set_from_outside(names: &[&str]) -> Option<String> {
    // What glibc read at its start, whatever the program has done to its environment since.
    let block = fs::read("/proc/self/environ").unwrap_or_default();
    block.split(|&byte| byte == 0).filter_map(|entry| str::from_utf8(entry).ok()).find_map(|entry| {
        // Reading GLIBC_TUNABLES, glibc before 2.39 ends each value in place: the next one is an entry of its own then.
        let tunables = entry.strip_prefix("GLIBC_TUNABLES=").unwrap_or(entry);
        names.iter().find_map(|name| {
            let (tunable, variable) = (format!("glibc.malloc.{name}="), old_name(name));
            if tunables.split(':').any(|each| each.starts_with(&tunable)) {
                return Some(format!("GLIBC_TUNABLES (glibc.malloc.{name})"));
            }
            entry.strip_prefix(&variable)?.starts_with('=').then_some(variable)
        })
    })
}

/// The environment variable of a tunable, as it was called before there was `GLIBC_TUNABLES`.
fn old_name(tunable: &str) -> String {
    let name = format!("MALLOC_{}", tunable.to_uppercase());
    // The arena variables alone do not end with an underscore.
    if tunable.starts_with("arena") { name } else { name + "_" }
}

/// Sets the three sizes; each of them ends glibc's own adjusting of the threshold.
pub(crate) fn set_sizes(tuning: Tuning) -> Result<(), String> {
    set(libc::M_MMAP_THRESHOLD, "mmapThreshold", tuning.mmap_threshold)?;
    set_tops(tuning.trim_threshold, tuning.top_pad)
}

/// Sets what stays at the top of arenas.
pub(crate) fn set_tops(trim_threshold: i32, top_pad: i32) -> Result<(), String> {
    set(libc::M_TRIM_THRESHOLD, "trimThreshold", trim_threshold)?;
    set(libc::M_TOP_PAD, "topPad", top_pad)
}

/// Two of these leave little of a heap of 64 MiB.
const HALF_A_HEAP: usize = 31 << 20;

/// Opens nearly all of the heap of this thread's arena, once. A heap that grows for a buffer takes an `mprotect` for each; it
/// remembers how far it was opened, also once it was made shorter. Nothing is written, so no physical memory is taken.
pub(crate) fn open_heap(mmap_threshold: i32) {
    thread_local!(static OPENED: Cell<bool> = const { Cell::new(false) });
    // SAFETY: both only tell a number.
    let main = unsafe { libc::gettid() } == unsafe { libc::getpid() };
    // What is longer than the threshold is in no heap, and the first thread's arena has none.
    if main || usize::try_from(mmap_threshold).is_ok_and(|most| most <= HALF_A_HEAP) || OPENED.replace(true) {
        return;
    }
    // What is not used would not even be asked for.
    // SAFETY: a length that is not 0; null is as good as memory here.
    let halves = [(); 2].map(|()| black_box(unsafe { libc::malloc(HALF_A_HEAP) }));
    for half in halves {
        // SAFETY: got above, and nobody else knows it.
        unsafe { libc::free(half) };
    }
}

/// Limits the arenas, where it is not too late for that.
pub(crate) fn limit_arenas(most: i32) -> Result<(), String> {
    let arenas = stats().and_then(|stats| stats.arenas).unwrap_or(u64::MAX);
    if arenas > ARENAS_BEFORE_THE_LIMIT {
        return Err(format!(
            "arenaMax came too late: there are {arenas} arenas, and glibc settles the limit after {ARENAS_BEFORE_THE_LIMIT}; \
             set MALLOC_ARENA_MAX before the process starts"
        ));
    }
    set(libc::M_ARENA_MAX, "arenaMax", most)
}

fn set(parameter: c_int, name: &str, value: i32) -> Result<(), String> {
    // SAFETY: any value is either taken or refused. glibc holds the main arena's lock meanwhile; other threads read each
    // parameter as one aligned word, so they see the old value or the new one.
    if unsafe { libc::mallopt(parameter, value) } == 1 {
        return Ok(());
    }
    Err(format!("glibc refuses {name} = {value}"))
}

/// What all arenas hold together. It looks at each free chunk, under the lock of its arena.
pub(crate) fn stats() -> Option<Stats> {
    let text = malloc_info()?;
    // The totals follow the last arena.
    let (arenas, totals) = text.rsplit_once("</heap>")?;
    let retained = size(totals, "<total type=\"fast\"")? + size(totals, "<total type=\"rest\"")?;
    let mapped = size(totals, "<system type=\"current\"")? + size(totals, "<total type=\"mmap\"")?;
    // An arena lists what it has free by size, but for its top.
    let listed: u64 = arenas
        .lines()
        .filter_map(|line| {
            let (_, total) = line
                .trim_start()
                .strip_prefix("<size ")
                .or(line.trim_start().strip_prefix("<unsorted "))?
                .split_once("total=\"")?;
            total.split_once('"')?.0.parse::<u64>().ok()
        })
        .sum();
    Some(Stats {
        allocated: mapped.saturating_sub(retained),
        resident: None,
        mapped,
        retained,
        top: Some(retained.saturating_sub(listed)),
        arenas: Some(arenas.matches("<heap nr=").count() as u64),
        heaps: Some(
            arenas.split("</heap>").filter_map(|arena| size(arena, "<aspace type=\"subheaps\"")).sum(),
        ),
    })
}

/// The size that follows in an element which begins so.
fn size(text: &str, element: &str) -> Option<u64> {
    let (_, rest) = text.split_once(element)?;
    let (_, rest) = rest.split_once("size=\"")?;
    rest.split_once('"')?.0.parse().ok()
}

/// `mallinfo2` knows no arenas, and glibc before 2.33 does not have it.
fn malloc_info() -> Option<String> {
    let (mut text, mut length) = (ptr::null_mut(), 0);
    // SAFETY: both live until the stream is closed.
    let stream = unsafe { libc::open_memstream(&raw mut text, &raw mut length) };
    if stream.is_null() {
        return None;
    }
    // SAFETY: the stream was opened above; 0 is the only option there is.
    let told = unsafe { libc::malloc_info(0, stream) };
    // SAFETY: the stream was opened above, and is not used any more.
    let closed = unsafe { libc::fclose(stream) };
    if text.is_null() {
        return None;
    }
    // SAFETY: closing has set both to the text and its length, which ends with a null byte.
    let answer = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // SAFETY: the text is the caller's to free.
    unsafe { libc::free(text.cast()) };
    (told == 0 && closed == 0).then_some(answer)
}
