//! Converts numbers and ranges of JavaScript to types of the core.

use std::path::PathBuf;
use std::time::Duration;

use faultless_mapping::{MappedFile, Range};
use napi::{Error, Result, Status};

/// The largest integer that a JavaScript number holds exactly.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

fn invalid(reason: &str) -> Error {
    Error::new(Status::InvalidArg, reason.to_owned())
}

/// Converts a count to a JavaScript number.
#[expect(clippy::cast_precision_loss, reason = "counts come from files of safe-integer length")]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// Converts a number of bytes.
pub(crate) fn bytes(number: f64) -> Result<u64> {
    if (0.0..=MAX_SAFE_INTEGER).contains(&number) && number.fract() == 0.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a non-negative safe integer"
        )]
        return Ok(number as u64);
    }
    Err(invalid("a byte count must be a non-negative safe integer"))
}

/// Converts a range, and checks that it ends within the file's length, as the core requires.
pub(crate) fn range(file: &MappedFile, offset: f64, length: f64) -> Result<Range> {
    let (offset, length) = (bytes(offset)?, bytes(length)?);
    if offset.checked_add(length).is_none_or(|end| end > file.byte_length()) {
        return Err(invalid("a range must end within the file"));
    }
    Ok(Range {
        offset,
        length: usize::try_from(length).map_err(|_| invalid("a range must fit into memory"))?,
    })
}

/// Converts two arrays of equal length to ranges.
pub(crate) fn ranges(file: &MappedFile, offsets: &[f64], lengths: &[f64]) -> Result<Vec<Range>> {
    if offsets.len() != lengths.len() {
        return Err(invalid("each offset must have a length"));
    }
    offsets.iter().zip(lengths).map(|(&offset, &length)| range(file, offset, length)).collect()
}

/// Converts a duration.
pub(crate) fn milliseconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number / 1000.0).unwrap_or(Duration::MAX)
}

/// Converts a path from lib/: the bytes themselves where a path is bytes, otherwise UTF-8.
pub(crate) fn path_from(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes));
    #[cfg(not(unix))]
    return PathBuf::from(String::from_utf8_lossy(bytes).into_owned());
}
