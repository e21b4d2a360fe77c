//! What each thread knows of pages in memory, remembered for a moment: asking the kernel takes a lock that all threads share.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::os::{self, page_size};
use crate::page_counts::Run;
use crate::pages::Pages;

/// Pages that one answer is about. The page table is asked about all of them at once, which takes half as long again as one page.
const BLOCK: usize = 256;

/// Pages that are asked about together of the page cache, once [`OFTEN`] of them were asked about one by one in a tick. Each of them adds
/// to what that takes: 128 take 8 times as long as one. So where all of them are there, they go into the page table, too.
const GROUP: usize = 128;
const OFTEN: u32 = 16;

/// Answers that one thread remembers, each in the one place that its block gives.
const PLACES: usize = 1024;

/// How many more questions about the page table than those with a yes may come to nothing before the page cache alone is asked about, for
/// the rest of a tick.
const PATIENCE: i32 = 8;

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
    /// Which pages of the block are in the page cache?
    Cached,
    /// Which pages of the block are in the page table?
    Mapped,
    /// Does the kernel tell this user the truth about the page cache?
    Honest,
}

/// A bit for each page of a block.
type Bits = [u64; BLOCK / 64];

/// An answer holds for the tick of the kernel's coarse clock in which it was given: 1 to 10 ms.
#[derive(Debug, Clone, Copy, Default)]
struct Answer {
    question: Question,
    mapping: u32,
    block: usize,
    tick: u64,
    epoch: u64,
    yes: Bits,
    /// Which groups of the page cache were asked about as a whole, and which when the block was asked about in an earlier tick; a
    /// bit for each.
    grouped: u8,
    grouped_before: u8,
}

thread_local! {
    /// How much of its patience is left, and how much was gained.
    static LUCK: Cell<i32> = const { Cell::new(PATIENCE) };
    static ANSWERS: RefCell<Vec<Answer>> = const { RefCell::new(Vec::new()) };
}

/// What is remembered of a block: nothing, where it was not asked about in this tick.
fn remembered<T>(
    question: Question,
    pages: &Pages,
    block: usize,
    with: impl FnOnce(&mut Answer, bool) -> T,
) -> T {
    ANSWERS.with_borrow_mut(|answers| {
        if answers.is_empty() {
            answers.resize(PLACES, Answer::default());
        }
        let mapping = pages.id();
        let mixed = (block as u64 ^ (u64::from(mapping) << 40) ^ ((question as u64) << 20))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let place = &mut answers[(mixed >> 32) as usize % PLACES];
        let (tick, epoch) = (os::tick(), EPOCH.load(Ordering::SeqCst));
        let is_it = (place.question, place.mapping, place.block) == (question, mapping, block);
        let is_new = !is_it || (place.tick, place.epoch) != (tick, epoch);
        if is_new {
            let grouped_before = if is_it { place.grouped } else { 0 };
            *place = Answer { question, mapping, block, tick, epoch, grouped_before, ..Answer::default() };
        }
        with(place, is_new)
    })
}

/// Whether a read of the range that must not wait will find all of it. It may be wrong, for a moment, and then the read
/// finds less; so answers are remembered.
pub(crate) fn is_resident(pages: &Pages, offset: u64, length: usize) -> bool {
    let is_honest = remembered(Question::Honest, pages, 0, |answer, is_new| {
        if is_new {
            answer.yes[0] = pages.is_told_the_truth().into();
            LUCK.set(PATIENCE);
        }
        answer.yes[0] == 1
    });
    let run = pages.pages_of(offset, length);
    let luck = LUCK.get();
    if !is_honest || luck > 0 {
        let is_mapped = covers(pages, Question::Mapped, &run);
        LUCK.set(if is_mapped { (luck + 1).min(4 * PATIENCE) } else { luck - 1 });
        if is_mapped {
            return true;
        }
    }
    is_honest && covers(pages, Question::Cached, &run)
}

/// Whether a byte is known not to be in the page cache.
pub(crate) fn is_absent(pages: &Pages, offset: u64) -> bool {
    !is_resident(pages, offset, 1) && pages.is_told_the_truth()
}

/// By what touching a range cannot wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touchable {
    /// All of it is in the page table.
    Mapped,
    /// All of it is in memory.
    Cached,
}

/// Whether touching the range cannot wait for a disk. Pages that are mapped are remembered: reclaim passes over such a page
/// twice, and far apart, before it takes it. Pages that are only in the page cache go sooner, so the kernel is asked each time.
pub(crate) fn is_touchable(pages: &Pages, offset: u64, length: usize) -> Option<Touchable> {
    let is_mapped = if length > BLOCK * page_size() {
        pages.is_mapped(offset, length)
    } else {
        covers(pages, Question::Mapped, &pages.pages_of(offset, length))
    };
    if is_mapped {
        return Some(Touchable::Mapped);
    }
    pages.is_cached(offset, length).then_some(Touchable::Cached)
}

/// Whether the answer is yes for all of these pages.
fn covers(pages: &Pages, question: Question, run: &Run) -> bool {
    (run.start / BLOCK..run.end.div_ceil(BLOCK)).all(|block| {
        let whole = block * BLOCK..(block + 1) * BLOCK;
        let wanted = run.start.max(whole.start)..run.end.min(whole.end);
        remembered(question, pages, block, |answer, _| {
            if answer.lacks(&wanted) {
                if question == Question::Mapped {
                    pages.look_at_table(&whole, |run| answer.add(&run));
                } else {
                    look_at_cache(pages, answer, &wanted);
                }
            }
            !answer.lacks(&wanted)
        })
    })
}

/// Looks for pages of a block in the page cache: for what is wanted alone, or once in a tick for all that lies around it, where
/// much of that was asked for. What is asked for so often in one tick and the next goes into the page table.
fn look_at_cache(pages: &Pages, answer: &mut Answer, wanted: &Run) {
    let group = wanted.start / GROUP * GROUP..wanted.end.next_multiple_of(GROUP);
    let bit = 1 << (wanted.start % BLOCK / GROUP);
    if answer.grouped & bit != 0 || answer.count(&group) < OFTEN {
        pages.look_at_cache(wanted, |run| answer.add(&run));
        return;
    }
    answer.grouped |= bit;
    pages.look_at_cache(&group, |run| answer.add(&run));
    if answer.grouped_before & bit != 0 && !answer.lacks(&group) {
        pages.map(&group);
    }
}

impl Answer {
    fn add(&mut self, pages: &Run) {
        self.yes.iter_mut().zip(bits(pages)).for_each(|(word, more)| *word |= more);
    }

    fn lacks(&self, pages: &Run) -> bool {
        self.yes.iter().zip(bits(pages)).any(|(word, wanted)| wanted & !word != 0)
    }

    fn count(&self, pages: &Run) -> u32 {
        self.yes.iter().zip(bits(pages)).map(|(word, wanted)| (word & wanted).count_ones()).sum()
    }
}

/// The bits of pages of one block.
fn bits(pages: &Run) -> Bits {
    let start = pages.start % BLOCK;
    let end = start + pages.len();
    let below = |end: usize, word: usize| match end.saturating_sub(64 * word) {
        count @ 0..64 => (1 << count) - 1,
        _ => u64::MAX,
    };
    std::array::from_fn(|word| below(end, word) & !below(start, word))
}
