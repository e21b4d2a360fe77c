//! Sequential reading: the position in the file, and the blocks to start ahead of it.

use std::collections::VecDeque;

use crate::limits::{AHEAD_IN_ORDER, BEHIND, BLOCK, NEAR, SEEN_AHEAD};

/// The part of a file that is being read sequentially, in bytes: its start, and the offset up to which I/O was started.
#[derive(Debug)]
pub(crate) struct InOrder {
    start: u64,
    started_to: u64,
    /// The offset up to which it is known which blocks were in memory before this reading.
    seen: u64,
    /// Blocks that were not in memory before this reading and that it has not passed yet.
    brought: VecDeque<u64>,
}

impl Default for InOrder {
    /// No sequential reading: the next read starts a new one.
    fn default() -> Self {
        Self { start: u64::MAX, started_to: 0, seen: 0, brought: VecDeque::new() }
    }
}

impl InOrder {
    /// The blocks to start for the current part and the parts after it; there may be none. The longer the reading
    /// lasts, the further ahead blocks are started. Parts are read concurrently, so they may arrive out of order. A
    /// part before the first one starts a new reading.
    pub(crate) fn next(&mut self, offset: u64, end: u64) -> impl Iterator<Item = u64> + use<> {
        let block = u64::from(BLOCK);
        let near = self.started_to.saturating_sub(AHEAD_IN_ORDER + NEAR)..=self.started_to + NEAR;
        if offset <= self.start || !near.contains(&offset) {
            self.start = offset;
            self.started_to = offset - offset % block;
            self.seen = self.started_to;
            self.brought.clear();
        }
        let from = self.started_to;
        let ahead = AHEAD_IN_ORDER.min(end - self.start);
        self.started_to = from.max((end + ahead).next_multiple_of(block));
        (from..self.started_to).step_by(BLOCK as usize)
    }

    /// The offset up to which I/O was started.
    pub(crate) fn started_to(&self) -> u64 {
        self.started_to
    }

    /// The blocks whose residency is to be checked now. They are further ahead than any read-ahead of this reading.
    pub(crate) fn unseen(&mut self) -> impl Iterator<Item = u64> + use<> {
        let from = self.seen;
        self.seen = from.max(self.started_to + SEEN_AHEAD);
        (from..self.seen).step_by(BLOCK as usize)
    }

    /// Records that only this reading brings a block into memory.
    pub(crate) fn bring(&mut self, block: u64) {
        self.brought.push_back(block);
    }

    /// The blocks that this reading brought into memory and has passed since the last call. No other reader is known to
    /// use them.
    pub(crate) fn left_behind(&mut self, offset: u64) -> Vec<u64> {
        let is_behind = |block: &&u64| **block + u64::from(BLOCK) + BEHIND <= offset;
        let count = self.brought.iter().take_while(is_behind).count();
        self.brought.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{AHEAD_IN_ORDER, BEHIND, BLOCK, InOrder, NEAR, SEEN_AHEAD};

    const MIB: u64 = 1 << 20;

    /// The numbers of the blocks that are started for a part.
    fn started_blocks(in_order: &mut InOrder, offset: u64, end: u64) -> Vec<u64> {
        in_order.next(offset, end).map(|at| at / u64::from(BLOCK)).collect()
    }

    #[test]
    fn each_block_is_started_once_and_further_ahead_the_longer_the_reading_lasts() {
        let mut in_order = InOrder::default();
        assert_eq!(started_blocks(&mut in_order, 0, 2 * MIB), [0, 1, 2, 3]);
        assert_eq!(started_blocks(&mut in_order, 2 * MIB, 4 * MIB), [4, 5, 6, 7]);
        let mut ahead = 0;
        for at in 2..32 {
            started_blocks(&mut in_order, at * 2 * MIB, (at + 1) * 2 * MIB);
            ahead = in_order.started_to - (at + 1) * 2 * MIB;
        }
        assert_eq!(ahead, AHEAD_IN_ORDER);
    }

    #[test]
    fn concurrent_parts_are_started_in_order() {
        let mut in_order = InOrder::default();
        assert_eq!(started_blocks(&mut in_order, 0, MIB), [0, 1]);
        assert_eq!(
            started_blocks(&mut in_order, 4 * MIB, 5 * MIB),
            [2, 3, 4, 5, 6, 7, 8, 9],
            "including the blocks between"
        );
        assert_eq!(started_blocks(&mut in_order, 2 * MIB, 3 * MIB), [], "it was started before");
    }

    #[test]
    fn a_second_sequential_reading_starts_its_blocks_again() {
        let mut in_order = InOrder::default();
        for _ in 0..2 {
            assert_eq!(started_blocks(&mut in_order, 0, MIB), [0, 1]);
            assert_eq!(started_blocks(&mut in_order, MIB, 2 * MIB), [2, 3]);
        }
    }

    #[test]
    fn a_distant_part_starts_a_new_reading_at_the_start_of_its_block() {
        let mut in_order = InOrder::default();
        assert_eq!(started_blocks(&mut in_order, 5 * MIB + 1, 5 * MIB + 2), [5]);
        let far = in_order.started_to + NEAR + 1;
        assert_eq!(started_blocks(&mut in_order, far, far + 1), [far / MIB]);
    }

    #[test]
    fn residency_is_checked_before_this_reading_can_have_changed_it() {
        let mut in_order = InOrder::default();
        let seen = |in_order: &mut InOrder| in_order.unseen().map(|at| at / MIB).collect::<Vec<_>>();
        started_blocks(&mut in_order, 0, MIB);
        assert_eq!(seen(&mut in_order), (0..2 + SEEN_AHEAD / MIB).collect::<Vec<_>>());
        assert_eq!(seen(&mut in_order), []);
        started_blocks(&mut in_order, MIB, 2 * MIB);
        let before = 2 + SEEN_AHEAD / MIB;
        assert_eq!(seen(&mut in_order), [before, before + 1]);
        (0..60).for_each(|number| in_order.bring(number * MIB));
        assert_eq!(in_order.left_behind(BEHIND + 40 * MIB).len(), 40);
    }
}
