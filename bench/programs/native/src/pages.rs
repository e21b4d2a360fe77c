//! Pages of a mapping: which are in the page cache, and the ways to bring them there that memmap2 does not have.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::fd::AsRawFd;

const PAGE: usize = 4096;

/// Reads a byte of each page.
pub(crate) fn touch(bytes: &[u8]) {
    for page in bytes.chunks(PAGE) {
        black_box(page[0]);
    }
}

/// How many pages are in the page cache. `mincore` tells the truth to the owner of a file only.
pub(crate) fn count_resident(map: &[u8]) -> io::Result<usize> {
    let mut found = vec![0_u8; map.len().div_ceil(PAGE)];
    // SAFETY: the range is one live mapping, which begins at a page, and `found` has a byte for each of its pages.
    let status =
        unsafe { libc::mincore(map.as_ptr().cast_mut().cast(), map.len(), found.as_mut_ptr().cast()) };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(found.iter().filter(|&&page| page & 1 == 1).count())
}

/// `readahead(2)`: starts to read, no more than the device's read-ahead, and returns.
pub(crate) fn start_read(file: &File, offset: u64, length: usize) -> io::Result<()> {
    // SAFETY: takes numbers only; an offset that is too large is refused.
    let status = unsafe { libc::readahead(file.as_raw_fd(), offset.cast_signed(), length) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has the CPU fetch what is at a position, where there is something; on other architectures than these, nothing.
pub(crate) fn prefetch(bytes: &[u8], at: usize) {
    let Some(byte) = bytes.get(at..) else { return };
    let address = byte.as_ptr();
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it raises no fault, whatever the address.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch is a hint: it raises no fault, whatever the address.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, preserves_flags));
    }
    black_box(address);
}
