//! Residency answers that each thread remembers for one clock tick: asking the kernel takes a lock that all threads
//! share.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::os::{self, page_size};
use crate::page_counts::Run;
use crate::pages::Pages;

/// Pages per answer. One question about the page table covers all of them, which takes 1.5 times as long as one page.
const BLOCK: usize = 256;

/// Pages per group. After [`GROUP_AFTER`] pages of a group were queried one by one in a tick, the page cache is queried
/// for the whole group. Each page adds to the time: 128 pages take 8 times as long as one. So where all of them are
/// cached, they are also brought into the page table.
const GROUP: usize = 128;
const GROUP_AFTER: u32 = 16;

/// The number of answers that one thread remembers. A hash of the block selects the slot.
const SLOTS: usize = 1024;

/// After this many more negative than positive answers from the page table, only the page cache is queried for the rest
/// of the tick.
const INITIAL_CREDIT: i32 = 8;

/// Incremented when pages are evicted: it invalidates earlier answers.
static EPOCH: AtomicU64 = AtomicU64::new(1);

/// Invalidates all answers, because a call of this process evicts pages.
pub(crate) fn invalidate_answers() {
    EPOCH.fetch_add(1, Ordering::SeqCst);
}

/// The question of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Question {
    #[default]
    None,
    /// Which pages of the block are in the page cache?
    Cached,
    /// Which pages of the block are in the page table?
    Mapped,
    /// Is `mincore` reliable for this user?
    MincoreReliable,
}

/// One bit per page of a block.
type Bits = [u64; BLOCK / 64];

/// An answer is valid for the tick of the kernel's coarse clock in which it was given: 1 to 10 ms.
#[derive(Debug, Clone, Copy, Default)]
struct Answer {
    question: Question,
    mapping: u32,
    block: usize,
    tick: u64,
    epoch: u64,
    yes: Bits,
    /// One bit per group: the groups that were queried as a whole, and those that were when the block was queried in an
    /// earlier tick.
    grouped: u8,
    grouped_before: u8,
}

thread_local! {
    /// The credit of the page table: it falls with each negative answer and grows with each positive one.
    static PAGE_TABLE_CREDIT: Cell<i32> = const { Cell::new(INITIAL_CREDIT) };
    static ANSWERS: RefCell<Vec<Answer>> = const { RefCell::new(Vec::new()) };
}

/// Passes the remembered answer for a block to `with`. The answer is empty, and the flag true, where the block was not
/// queried in this tick.
fn with_answer<T>(
    question: Question,
    pages: &Pages,
    block: usize,
    with: impl FnOnce(&mut Answer, bool) -> T,
) -> T {
    ANSWERS.with_borrow_mut(|answers| {
        if answers.is_empty() {
            answers.resize(SLOTS, Answer::default());
        }
        let mapping = pages.id();
        let hash = (block as u64 ^ (u64::from(mapping) << 40) ^ ((question as u64) << 20))
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let slot = &mut answers[(hash >> 32) as usize % SLOTS];
        let (tick, epoch) = (os::tick(), EPOCH.load(Ordering::SeqCst));
        let is_same = (slot.question, slot.mapping, slot.block) == (question, mapping, block);
        let is_new = !is_same || (slot.tick, slot.epoch) != (tick, epoch);
        if is_new {
            let grouped_before = if is_same { slot.grouped } else { 0 };
            *slot = Answer { question, mapping, block, tick, epoch, grouped_before, ..Answer::default() };
        }
        with(slot, is_new)
    })
}

/// Whether a non-blocking read of the range is expected to find all of it. The answer may be out of date, and then the
/// read returns less; so answers are remembered.
pub(crate) fn is_resident(pages: &Pages, offset: u64, length: usize) -> bool {
    let is_reliable = with_answer(Question::MincoreReliable, pages, 0, |answer, is_new| {
        if is_new {
            answer.yes[0] = pages.mincore_is_reliable().into();
            PAGE_TABLE_CREDIT.set(INITIAL_CREDIT);
        }
        answer.yes[0] == 1
    });
    let run = pages.pages_of(offset, length);
    let credit = PAGE_TABLE_CREDIT.get();
    if !is_reliable || credit > 0 {
        let is_mapped = all_present(pages, Question::Mapped, &run);
        PAGE_TABLE_CREDIT.set(if is_mapped { (credit + 1).min(4 * INITIAL_CREDIT) } else { credit - 1 });
        if is_mapped {
            return true;
        }
    }
    is_reliable && all_present(pages, Question::Cached, &run)
}

/// Whether a byte is known to be absent from the page cache.
pub(crate) fn is_absent(pages: &Pages, offset: u64) -> bool {
    !is_resident(pages, offset, 1) && pages.mincore_is_reliable()
}

/// Why touching a range cannot wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touchable {
    /// The range is in the page table.
    Mapped,
    /// The range is in the page cache.
    Cached,
}

/// Whether touching the range cannot wait for a disk. Answers about mapped pages are remembered: reclaim skips such a
/// page twice, at long intervals, before it evicts the page. Pages that are only in the page cache are evicted sooner,
/// so the kernel is asked each time.
pub(crate) fn is_touchable(pages: &Pages, offset: u64, length: usize) -> Option<Touchable> {
    let is_mapped = if length > BLOCK * page_size() {
        pages.is_mapped(offset, length)
    } else {
        all_present(pages, Question::Mapped, &pages.pages_of(offset, length))
    };
    if is_mapped {
        return Some(Touchable::Mapped);
    }
    pages.is_cached(offset, length).then_some(Touchable::Cached)
}

/// Whether the answer is yes for all of these pages.
fn all_present(pages: &Pages, question: Question, run: &Run) -> bool {
    (run.start / BLOCK..run.end.div_ceil(BLOCK)).all(|block| {
        let all_pages = block * BLOCK..(block + 1) * BLOCK;
        let wanted = run.start.max(all_pages.start)..run.end.min(all_pages.end);
        with_answer(question, pages, block, |answer, _| {
            if answer.lacks(&wanted) {
                if question == Question::Mapped {
                    pages.scan_page_table(&all_pages, |run| answer.add(&run));
                } else {
                    query_page_cache(pages, answer, &wanted);
                }
            }
            !answer.lacks(&wanted)
        })
    })
}

/// Queries the page cache for pages of a block: for the requested pages alone, or once per tick for their whole group,
/// where many pages of the group were requested. Groups that are requested as often in consecutive ticks are brought
/// into the page table.
fn query_page_cache(pages: &Pages, answer: &mut Answer, wanted: &Run) {
    let group = wanted.start / GROUP * GROUP..wanted.end.next_multiple_of(GROUP);
    let bit = 1 << (wanted.start % BLOCK / GROUP);
    if answer.grouped & bit != 0 || answer.count(&group) < GROUP_AFTER {
        pages.scan_page_cache(wanted, |run| answer.add(&run));
        return;
    }
    answer.grouped |= bit;
    pages.scan_page_cache(&group, |run| answer.add(&run));
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

/// The bits of a run of pages in one block.
fn bits(pages: &Run) -> Bits {
    let start = pages.start % BLOCK;
    let end = start + pages.len();
    let below = |end: usize, word: usize| match end.saturating_sub(64 * word) {
        count @ 0..64 => (1 << count) - 1,
        _ => u64::MAX,
    };
    std::array::from_fn(|word| below(end, word) & !below(start, word))
}
