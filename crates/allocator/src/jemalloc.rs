//! jemalloc for large results: the switch, its memory, and its statistics. It is linked with a prefix, so that no other
//! code in the process uses it. A build without the cargo feature `jemalloc` cannot allocate from it.

use std::ffi::CStr;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "jemalloc")]
use tikv_jemalloc_sys::{mallctl, mallocx, sdallocx};

#[cfg(not(feature = "jemalloc"))]
use self::not_linked::{mallctl, mallocx, sdallocx};
use crate::stats::Stats;

/// Whether jemalloc is linked in.
pub const IS_LINKED: bool = cfg!(feature = "jemalloc");

/// Memory starts at a page boundary, so that a copy into it has the alignment of the file's pages.
const ALIGNMENT: usize = 4096;

/// `MALLOCX_LG_ALIGN` of the alignment: its logarithm.
const FLAGS: i32 = ALIGNMENT.trailing_zeros().cast_signed();

static IS_USED: AtomicBool = AtomicBool::new(false);

/// jemalloc reads this at its start. By default it keeps no free block of 8 MiB or more: allocating and touching 8 MiB
/// then takes 1.9 ms, and 0.02 ms with this setting and [`keep_in_first_arena`].
// SAFETY: the name and type of jemalloc's own symbol, which is weak: a pointer to text that ends with a null byte.
#[cfg(feature = "jemalloc")]
#[used]
#[unsafe(export_name = "_rjem_malloc_conf")]
static CONFIGURATION: &[u8; 21] = b"oversize_threshold:0\0";

/// Whether large results come from jemalloc, in every thread of the process.
#[must_use]
pub fn is_used() -> bool {
    IS_USED.load(Ordering::Relaxed)
}

/// Sets whether large results come from jemalloc from now on. Existing blocks return to jemalloc in either case.
pub fn set_used(wanted: bool) {
    if wanted {
        keep_in_first_arena();
    }
    let before = IS_USED.swap(wanted && IS_LINKED, Ordering::Relaxed);
    if before && !wanted {
        purge();
    }
}

/// Memory of jemalloc. The thread that drops this value frees it.
#[derive(Debug)]
pub struct Block {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: plain memory, from an allocator that serves every thread.
unsafe impl Send for Block {}

impl Block {
    /// `length` bytes with arbitrary contents; `None` where no memory is left, or the length is 0.
    #[must_use]
    pub fn allocate(length: usize) -> Option<Self> {
        if length == 0 {
            return None;
        }
        // SAFETY: the length is not 0; jemalloc returns null for one that is too long, also once it is rounded up.
        let start = NonNull::new(unsafe { mallocx(length, FLAGS) }.cast())?;
        Some(Self { start, length })
    }

    /// The start address; aligned to a page.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: this is the only owner; length and alignment are those of the allocation.
        unsafe { sdallocx(self.start.as_ptr().cast(), self.length, FLAGS) };
    }
}

/// Applies the configuration to the first arena as well, which exists before jemalloc reads it.
fn keep_in_first_arena() {
    let mut threshold = isize::MAX as usize;
    let (value, size) = ((&raw mut threshold).cast(), size_of::<usize>());
    let name = c"arena.0.oversize_threshold";
    // SAFETY: the name ends with a null byte, and the number that is written has the size given.
    unsafe { mallctl(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), value, size) };
}

/// Returns free memory to the kernel. jemalloc does so by itself, but only while it is used.
fn purge() {
    // 4096 stands for all arenas: `MALLCTL_ARENAS_ALL`.
    // SAFETY: the name ends with a null byte; this command reads and writes no value.
    unsafe { mallctl(c"arena.4096.purge".as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0) };
}

/// The memory that jemalloc holds, where it is linked in.
#[must_use]
pub fn stats() -> Option<Stats> {
    let mut epoch: u64 = 1;
    let (value, size) = ((&raw mut epoch).cast(), size_of::<u64>());
    // Statistics are updated when the epoch is set.
    // SAFETY: the name ends with a null byte, and the number that is written has the size given.
    let set = unsafe { mallctl(c"epoch".as_ptr(), ptr::null_mut(), ptr::null_mut(), value, size) };
    (set == 0).then_some(())?;
    Some(Stats {
        allocated: read(c"stats.allocated")?,
        resident: Some(read(c"stats.resident")?),
        mapped: read(c"stats.mapped")?,
        retained: read(c"stats.retained")?,
        top: None,
        arenas: None,
        heaps: None,
    })
}

fn read(name: &CStr) -> Option<u64> {
    let mut value: usize = 0;
    let mut size = size_of::<usize>();
    // SAFETY: the name ends with a null byte, and the value has the size given.
    let found = unsafe { mallctl(name.as_ptr(), (&raw mut value).cast(), &raw mut size, ptr::null_mut(), 0) };
    (found == 0).then_some(value as u64)
}

/// The functions of jemalloc in a build without it: they return no memory and know no names.
#[cfg(not(feature = "jemalloc"))]
mod not_linked {
    use std::ffi::{c_char, c_int, c_void};

    pub(super) unsafe fn mallocx(_size: usize, _flags: c_int) -> *mut c_void {
        std::ptr::null_mut()
    }

    pub(super) unsafe fn sdallocx(_start: *mut c_void, _size: usize, _flags: c_int) {}

    pub(super) unsafe fn mallctl(
        _name: *const c_char,
        _old: *mut c_void,
        _old_size: *mut usize,
        _new: *mut c_void,
        _new_size: usize,
    ) -> c_int {
        2 // ENOENT
    }
}

#[cfg(all(test, feature = "jemalloc"))]
mod tests {
    use super::*;

    /// One test, because the statistics cover the whole process.
    #[test]
    fn blocks_are_counted_until_any_thread_drops_them() {
        assert_eq!(read(c"opt.oversize_threshold"), Some(0), "the configuration is in effect");
        assert!(Block::allocate(0).is_none());
        assert!(Block::allocate(usize::MAX).is_none());
        let before = stats().unwrap().allocated;
        let blocks: Vec<_> = (1..5).map(|i| Block::allocate(i << 20).unwrap()).collect();
        for block in &blocks {
            assert_eq!(block.as_ptr().align_offset(ALIGNMENT), 0);
            // SAFETY: the block has at least a MiB, and no other code has its address.
            unsafe { block.as_ptr().write_bytes(1, 1 << 20) };
        }
        let during = stats().unwrap();
        assert!(during.allocated >= before + (10 << 20));
        assert!(during.resident.unwrap() >= 4 << 20);
        assert!(during.mapped >= during.allocated);

        std::thread::spawn(move || drop(blocks)).join().unwrap();
        purge();
        let after = stats().unwrap();
        // Memory that jemalloc needs for a thread stays.
        assert!(after.allocated < before + (1 << 20), "{after:?}");
        assert!(after.resident < during.resident);
    }
}
