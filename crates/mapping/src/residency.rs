//! What each thread knows of pages in memory, remembered for a moment: asking the kernel takes a lock that all threads share.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::os::{self, page_size};
use crate::pages::Pages;

/// Pages that are asked about together. Of the page cache, a question about all of them takes a third longer than one about
/// one page; of the page table, each page adds to it.
const CACHE_BLOCK: u64 = 128;
const TABLE_BLOCK: u64 = 16;

/// Answers that one thread remembers, each in the one place that its block gives.
const PLACES: usize = 1024;

/// Raised by whoever has pages taken out of memory: what was known before does not count any more.
static EPOCH: AtomicU64 = AtomicU64::new(1);

/// Pages of a file are being taken out of memory by a call of this process.
pub(crate) fn forget_all() {
    EPOCH.fetch_add(1, Ordering::SeqCst);
}

/// Which question an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Question {
    #[default]
    None,
    /// Are all pages of the block in the page cache?
    Cached,
    /// Are all pages of the block in the page table?
    Mapped,
    /// Does the kernel tell this user the truth about the page cache?
    Honest,
}

/// An answer holds for the tick of the kernel's coarse clock in which it was given: 1 to 10 ms.
#[derive(Debug, Clone, Copy, Default)]
struct Answer {
    question: Question,
    yes: bool,
    mapping: u32,
    block: u64,
    tick: u64,
    epoch: u64,
}

thread_local! {
    /// Whether the last answer about the page cache was a no: then the next will be, and what lies around is not asked about.
    static MISSED: Cell<bool> = const { Cell::new(false) };
    static ANSWERS: RefCell<Vec<Answer>> = const { RefCell::new(Vec::new()) };
}

fn remembered(question: Question, mapping: u32, block: u64, ask: impl FnOnce() -> bool) -> bool {
    ANSWERS.with_borrow_mut(|answers| {
        if answers.is_empty() {
            answers.resize(PLACES, Answer::default());
        }
        let mixed = (block ^ (u64::from(mapping) << 40) ^ ((question as u64) << 20))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let place = &mut answers[(mixed >> 32) as usize % PLACES];
        let (tick, epoch) = (os::tick(), EPOCH.load(Ordering::SeqCst));
        let is_it = (place.question, place.mapping, place.block, place.tick, place.epoch)
            == (question, mapping, block, tick, epoch);
        if !is_it {
            *place = Answer { question, yes: ask(), mapping, block, tick, epoch };
        }
        place.yes
    })
}

/// Whether a read of the range that must not wait will find all of it. It may be wrong, for a moment, and then the read
/// finds less; so answers are remembered. `file_length` is the end of what is asked about.
pub(crate) fn is_resident(pages: &Pages, offset: u64, length: usize, file_length: u64) -> bool {
    let honest = remembered(Question::Honest, pages.id(), 0, || pages.is_told_the_truth());
    let (question, block) =
        if honest { (Question::Cached, CACHE_BLOCK) } else { (Question::Mapped, TABLE_BLOCK) };
    let ask = |start, length| {
        if honest { pages.is_said_to_be_cached(start, length) } else { pages.is_mapped(start, length) }
    };
    covers(pages, question, block, offset, length, file_length, ask)
}

/// Whether a byte is known not to be in the page cache.
pub(crate) fn is_absent(pages: &Pages, offset: u64, file_length: u64) -> bool {
    let is_honest = remembered(Question::Honest, pages.id(), 0, || pages.is_told_the_truth());
    is_honest && !is_resident(pages, offset, 1, file_length)
}

/// Whether touching the range cannot wait for a disk. Pages that are mapped are remembered: reclaim passes over such a page
/// twice, and far apart, before it takes it. Pages that are only in the page cache go sooner, so the kernel is asked each time.
pub(crate) fn is_touchable(pages: &Pages, offset: u64, length: usize, file_length: u64) -> bool {
    let ask = |start, length| pages.is_mapped(start, length);
    let is_mapped = if length as u64 > TABLE_BLOCK * page_size() as u64 {
        ask(offset, length)
    } else {
        covers(pages, Question::Mapped, TABLE_BLOCK, offset, length, file_length, ask)
    };
    is_mapped || pages.is_cached(offset, length)
}

fn covers(
    pages: &Pages,
    question: Question,
    block_pages: u64,
    offset: u64,
    length: usize,
    file_length: u64,
    ask: impl Fn(u64, usize) -> bool,
) -> bool {
    let block_bytes = block_pages * page_size() as u64;
    #[expect(clippy::cast_possible_truncation, reason = "part of a mapping, whose length is a usize")]
    let all_of = |start: u64, end: u64| ask(start, (end - start) as usize);
    let end = offset + length as u64;
    let mut at = offset;
    while at < end {
        let block = at / block_bytes;
        let (block_start, block_end) = (block * block_bytes, ((block + 1) * block_bytes).min(file_length));
        let part_end = end.min(block_end);
        if question == Question::Cached && MISSED.get() && !all_of(at, part_end) {
            return false;
        }
        let whole = remembered(question, pages.id(), block, || all_of(block_start, block_end));
        // Where not the whole block is there, its part of the range still may be.
        let is_here = whole || (part_end - at < block_end - block_start && all_of(at, part_end));
        if question == Question::Cached {
            MISSED.set(!is_here);
        }
        if !is_here {
            return false;
        }
        at = part_end;
    }
    true
}
