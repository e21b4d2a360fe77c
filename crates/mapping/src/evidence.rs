//! Evidence that pages are in memory, remembered for a moment: asking the kernel takes a lock that all threads share.

use crate::os::{self, page_size};
use crate::pages::Pages;

/// Pages that are asked about together. Of the page cache, a question about all of them takes a third longer than one about
/// one page; of the page table, each page adds to it.
const CACHE_BLOCK: u64 = 128;
const TABLE_BLOCK: u64 = 16;

/// Blocks that are remembered, each in the one place that its number gives: those of 256 MiB, with pages of 4 KiB.
const PLACES: usize = 512;

/// What one thread knows of the pages of one mapping. It holds for the tick of the kernel's clock in which it was asked (1 to
/// 10 ms): a page that was in memory then is not evicted sooner, because reclaim passes over a page twice, and far apart,
/// before it takes one. Truncation is noticed by other means.
#[derive(Debug)]
pub struct Evidence {
    known: Box<[Known; PLACES]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    block: u64,
    /// When; never 0, for the clock counts from the start of the machine.
    tick: u64,
    /// Whether all of its pages were in memory, or only some of them, perhaps none.
    whole: bool,
}

impl Default for Evidence {
    fn default() -> Self {
        Self { known: Box::new([Known::default(); PLACES]) }
    }
}

impl Evidence {
    /// Whether touching the range, which ends within the file's `file_length` bytes, cannot wait for a disk.
    pub(crate) fn covers(&mut self, pages: &Pages, offset: u64, length: usize, file_length: u64) -> bool {
        let block_bytes =
            if pages.cache_is_visible() { CACHE_BLOCK } else { TABLE_BLOCK } * page_size() as u64;
        let (tick, end) = (os::tick(), offset + length as u64);
        let mut at = offset;
        while at < end {
            let block = at / block_bytes;
            let (block_start, block_end) =
                (block * block_bytes, ((block + 1) * block_bytes).min(file_length));
            let part_end = end.min(block_end);
            // Where not the whole block is there, its part of the range still may be.
            if !self.is_whole(pages, block, tick, block_start, block_end) && !is_ready(pages, at, part_end) {
                return false;
            }
            at = part_end;
        }
        true
    }

    fn is_whole(&mut self, pages: &Pages, block: u64, tick: u64, start: u64, end: u64) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of a small number")]
        let place = &mut self.known[(block % PLACES as u64) as usize];
        // Without the guard a file that is cut meanwhile would kill the process: then nothing is taken for granted.
        if (place.block, place.tick) != (block, tick) || !os::capabilities().guard {
            *place = Known { block, tick, whole: is_ready(pages, start, end) };
        }
        place.whole
    }
}

fn is_ready(pages: &Pages, start: u64, end: u64) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "part of a mapping, whose length is a usize")]
    pages.is_ready(start, (end - start) as usize)
}
