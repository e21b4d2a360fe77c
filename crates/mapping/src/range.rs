//! Bytes of a file, as this crate reckons with them.

use crate::error::ByteRange;

/// Bytes of a file; within the file's length at the time the range was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: usize,
}

impl Range {
    pub(crate) fn end(self) -> u64 {
        self.offset + self.length as u64
    }
}

impl From<Range> for ByteRange {
    fn from(range: Range) -> Self {
        Self { start: range.offset, length: range.length as u64 }
    }
}
