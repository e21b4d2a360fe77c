//! glibc's malloc: whether the process uses it, which tunables the environment sets, `mallopt`, and statistics.

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

/// Makes `dladdr1` return the entry of the symbol table; dlfcn.h.
const RTLD_DL_SYMENT: c_int = 1;

/// The number of arenas that glibc creates before it fixes the maximum: `arena_test` of its malloc.c.
const ARENAS_BEFORE_THE_LIMIT: u64 = if size_of::<usize>() == 4 { 2 } else { 8 };

/// Checks that `malloc` is glibc's own. The error names the file of the other `malloc`.
pub(crate) fn tunable() -> Result<(), String> {
    match (owner_of_malloc(), malloc_seen_by(c"libc.so.6")) {
        (Some(owner), Some(libc)) if owner == libc => Ok(()),
        (Some(owner), _) => {
            let owner = owner.to_string_lossy();
            Err(format!("malloc comes from {owner} instead of glibc, and only glibc's malloc can be tuned"))
        }
        (None, _) => Err("the owner of malloc cannot be determined".to_owned()),
    }
}

/// The file with the `malloc` that all code calls.
///
/// A program that takes the address of `malloc` has a symbol table entry of that name that points to a definition
/// elsewhere, and `dlsym` finds the entry. Then the definition is in the first loaded object that has one.
fn owner_of_malloc() -> Option<CString> {
    // SAFETY: a name that ends with a null byte; nothing is called.
    let (owner, defined) = symbol_at(unsafe { libc::dlsym(libc::RTLD_DEFAULT, MALLOC.as_ptr()) })?;
    if defined {
        return Some(owner);
    }
    let mut names: Vec<CString> = Vec::new();
    // SAFETY: `note_name` gets the vector, which outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note_name), (&raw mut names).cast()) };
    // The program itself has an empty name here.
    names.into_iter().find(|name| !name.is_empty() && malloc_seen_by(name).as_ref() == Some(name))
}

unsafe extern "C" fn note_name(info: *mut libc::dl_phdr_info, _size: usize, names: *mut c_void) -> c_int {
    // SAFETY: the struct belongs to the loader and is valid during this call.
    let name = unsafe { (*info).dlpi_name };
    // SAFETY: the loader's names end with a null byte.
    let name = unsafe { CStr::from_ptr(name) };
    // SAFETY: the vector that `owner_of_malloc` passes.
    let names = unsafe { &mut *names.cast::<Vec<CString>>() };
    names.push(name.to_owned());
    0
}

/// The file that defines `malloc` for a loaded object: that object, or one of its dependencies.
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
    // SAFETY: both pointers have space for the results; the call returns 0 for an address in no object.
    let known = unsafe { libc::dladdr1(address, found.as_mut_ptr(), &raw mut entry, RTLD_DL_SYMENT) };
    if known == 0 || entry.is_null() {
        return None;
    }
    // SAFETY: the call has filled it, as its result says.
    let found = unsafe { found.assume_init() };
    // SAFETY: the name belongs to the loader and lives as long as the object; the object that defines malloc is never
    // unloaded.
    let name = unsafe { CStr::from_ptr(found.dli_fname) };
    // SAFETY: the entry of the object's symbol table; its type is that of this target.
    let section = unsafe { (*entry.cast::<Symbol>()).st_shndx };
    Some((name.to_owned(), section != 0))
}

/// The environment variable that sets one of these tunables since the start of the process, with the tunable's name
/// where it sets several.
pub(crate) fn set_from_outside(names: &[&str]) -> Option<String> {
    // The environment that glibc read at its start, whatever the program has changed since.
    let block = fs::read("/proc/self/environ").unwrap_or_default();
    block.split(|&byte| byte == 0).filter_map(|entry| str::from_utf8(entry).ok()).find_map(|entry| {
        // glibc before 2.39 ends each value of GLIBC_TUNABLES in place: the next value is then an entry of its own.
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

/// The environment variable of a tunable from before `GLIBC_TUNABLES`.
fn old_name(tunable: &str) -> String {
    let name = format!("MALLOC_{}", tunable.to_uppercase());
    // Only the variables for arenas do not end with an underscore.
    if tunable.starts_with("arena") { name } else { name + "_" }
}

/// Sets the three sizes; each of them ends glibc's own adjustment of the threshold.
pub(crate) fn set_sizes(tuning: Tuning) -> Result<(), String> {
    set(libc::M_MMAP_THRESHOLD, "mmapThreshold", tuning.mmap_threshold)?;
    set_tops(tuning.trim_threshold, tuning.top_pad)
}

/// Sets how much stays at the top of arenas.
pub(crate) fn set_tops(trim_threshold: i32, top_pad: i32) -> Result<(), String> {
    set(libc::M_TRIM_THRESHOLD, "trimThreshold", trim_threshold)?;
    set(libc::M_TOP_PAD, "topPad", top_pad)
}

/// Two of these use nearly all of a heap of 64 MiB.
const HALF_A_HEAP: usize = 31 << 20;

/// Opens nearly all of the heap of this thread's arena, once. Without it, a heap that grows for a buffer calls
/// `mprotect` for each. glibc remembers how far a heap was opened, also after it was shortened. Nothing is written, so
/// no physical memory is taken.
pub(crate) fn open_heap(mmap_threshold: i32) {
    thread_local!(static OPENED: Cell<bool> = const { Cell::new(false) });
    // SAFETY: both calls only return a number.
    let main = unsafe { libc::gettid() } == unsafe { libc::getpid() };
    // Allocations above the threshold are not in a heap, and the first thread's arena has no heaps.
    if main || usize::try_from(mmap_threshold).is_ok_and(|max| max <= HALF_A_HEAP) || OPENED.replace(true) {
        return;
    }
    // `black_box`: the compiler would remove an unused allocation.
    // SAFETY: a length that is not 0; a null result is harmless here.
    let halves = [(); 2].map(|()| black_box(unsafe { libc::malloc(HALF_A_HEAP) }));
    for half in halves {
        // SAFETY: allocated above, and no other code has the pointer.
        unsafe { libc::free(half) };
    }
}

/// Limits the arenas, if glibc has not fixed the maximum yet.
pub(crate) fn limit_arenas(max: i32) -> Result<(), String> {
    let arenas = stats().and_then(|stats| stats.arenas).unwrap_or(u64::MAX);
    if arenas > ARENAS_BEFORE_THE_LIMIT {
        return Err(format!(
            "arenaMax was set too late: there are {arenas} arenas, and glibc fixes the maximum after {ARENAS_BEFORE_THE_LIMIT}; \
             set MALLOC_ARENA_MAX before the process starts"
        ));
    }
    set(libc::M_ARENA_MAX, "arenaMax", max)
}

fn set(parameter: c_int, name: &str, value: i32) -> Result<(), String> {
    // SAFETY: any value is either taken or refused. glibc holds the main arena's lock meanwhile; other threads read
    // each parameter as one aligned word, so they see the old value or the new one.
    if unsafe { libc::mallopt(parameter, value) } == 1 {
        return Ok(());
    }
    Err(format!("glibc refuses {name} = {value}"))
}

/// The memory of all arenas together. Visits each free chunk, under the lock of its arena.
pub(crate) fn stats() -> Option<Stats> {
    let text = malloc_info()?;
    // The totals follow the last arena.
    let (arenas, totals) = text.rsplit_once("</heap>")?;
    let retained = size(totals, "<total type=\"fast\"")? + size(totals, "<total type=\"rest\"")?;
    let mapped = size(totals, "<system type=\"current\"")? + size(totals, "<total type=\"mmap\"")?;
    // An arena lists its free chunks by size, except for its top.
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

/// The size attribute of the element that starts with this text.
fn size(text: &str, element: &str) -> Option<u64> {
    let (_, rest) = text.split_once(element)?;
    let (_, rest) = rest.split_once("size=\"")?;
    rest.split_once('"')?.0.parse().ok()
}

/// `mallinfo2` does not report arenas, and glibc before 2.33 does not have it.
fn malloc_info() -> Option<String> {
    let (mut text, mut length) = (ptr::null_mut(), 0);
    // SAFETY: both live until the stream is closed.
    let stream = unsafe { libc::open_memstream(&raw mut text, &raw mut length) };
    if stream.is_null() {
        return None;
    }
    // SAFETY: the stream was opened above; 0 is the only valid option.
    let status = unsafe { libc::malloc_info(0, stream) };
    // SAFETY: the stream was opened above, and is not used any more.
    let closed = unsafe { libc::fclose(stream) };
    if text.is_null() {
        return None;
    }
    // SAFETY: closing has set both to the text and its length, which ends with a null byte.
    let answer = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    // SAFETY: the caller has to free the text.
    unsafe { libc::free(text.cast()) };
    (status == 0 && closed == 0).then_some(answer)
}
