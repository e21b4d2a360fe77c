//! A range of bytes of a file, as used inside this crate.

use crate::error::ByteRange;

/// A range of bytes. It was within the file's length when it was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first byte.
    pub offset: u64,
    /// The number of bytes.
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
