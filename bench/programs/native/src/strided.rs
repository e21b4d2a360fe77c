//! The sum of every 512th byte: it touches each page of a file and computes next to nothing.

const STRIDE: usize = 512;

/// The sum of every 512th byte of a part of a file; `offset` is where in the file the part begins.
pub(crate) fn sum(bytes: &[u8], offset: u64) -> u64 {
    let beyond = usize::try_from(offset % STRIDE as u64).unwrap_or(0);
    let first = (STRIDE - beyond) % STRIDE;
    bytes.iter().skip(first).step_by(STRIDE).map(|&byte| u64::from(byte)).sum()
}
