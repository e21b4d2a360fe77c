//! How many users each page of a mapping has: counts over ranges, stored as the borders between different counts.

use std::collections::BTreeMap;
use std::ops::Range;

/// A run of page numbers.
pub(crate) type Run = Range<usize>;

/// A count for every page; all start at zero.
#[derive(Debug, Default)]
pub(crate) struct PageCounts {
    /// The count from this page up to the next border. Before the first border it is zero.
    borders: BTreeMap<usize, u32>,
}

impl PageCounts {
    /// Increments the count of each page; returns the runs that were at zero before.
    pub(crate) fn add(&mut self, pages: Run) -> Vec<Run> {
        self.change(pages, |count| (count.saturating_add(1), count == 0))
    }

    /// Decrements the count of each page that is not at zero; returns the runs that reached zero.
    pub(crate) fn remove(&mut self, pages: Run) -> Vec<Run> {
        self.change(pages, |count| (count.saturating_sub(1), count == 1))
    }

    /// An upper bound for the number of runs of pages whose count is not zero.
    pub(crate) fn runs(&self) -> usize {
        self.borders.len().div_ceil(2)
    }

    /// Sets all counts to zero; returns the runs that were not at zero.
    pub(crate) fn clear(&mut self) -> Vec<Run> {
        self.change(0..usize::MAX, |count| (0, count > 0))
    }

    /// Changes each count by `rule`, and returns the runs for which `rule` returns true.
    fn change(&mut self, pages: Run, rule: impl Fn(u32) -> (u32, bool)) -> Vec<Run> {
        let mut selected: Vec<Run> = Vec::new();
        if pages.is_empty() {
            return selected;
        }
        self.put_border(pages.start);
        self.put_border(pages.end);
        let starts: Vec<usize> = self.borders.range(pages.clone()).map(|(&start, _)| start).collect();
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(pages.end);
            let Some(count) = self.borders.get_mut(&start) else { continue };
            let (new, is_selected) = rule(*count);
            *count = new;
            match selected.last_mut() {
                Some(last) if is_selected && last.end == start => last.end = end,
                _ if is_selected => selected.push(start..end),
                _ => {}
            }
        }
        for border in starts.into_iter().chain([pages.end]) {
            if self.borders.get(&border).copied() == Some(self.before(border)) {
                self.borders.remove(&border);
            }
        }
        selected
    }

    fn put_border(&mut self, page: usize) {
        let count = self.borders.range(..=page).next_back().map_or(0, |(_, &count)| count);
        self.borders.insert(page, count);
    }

    /// The count of the page before this one.
    fn before(&self, page: usize) -> u32 {
        self.borders.range(..page).next_back().map_or(0, |(_, &count)| count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(borders: &[(usize, usize)]) -> Vec<Run> {
        borders.iter().map(|&(start, end)| start..end).collect()
    }

    #[test]
    fn add_returns_pages_that_leave_zero_and_remove_returns_pages_that_reach_zero() {
        let mut counts = PageCounts::default();
        assert_eq!(counts.add(10..20), runs(&[(10, 20)]));
        assert_eq!(counts.add(15..30), runs(&[(20, 30)]));
        assert_eq!(counts.add(0..40), runs(&[(0, 10), (30, 40)]));
        assert_eq!(counts.remove(0..40), runs(&[(0, 10), (30, 40)]));
        assert_eq!(counts.remove(12..18), runs(&[(12, 15)]));
        assert_eq!(counts.remove(0..100), runs(&[(10, 12), (15, 18), (20, 30)]));
        assert_eq!(counts.remove(0..100), runs(&[(18, 20)]));
        assert!(counts.borders.is_empty(), "{counts:?}");
    }

    #[test]
    fn pages_that_were_never_counted_are_never_returned() {
        let mut counts = PageCounts::default();
        assert!(counts.remove(0..10).is_empty());
        assert!(counts.add(5..5).is_empty());
        assert_eq!(counts.add(3..4), runs(&[(3, 4)]));
        assert_eq!(counts.clear(), runs(&[(3, 4)]));
        assert!(counts.borders.is_empty(), "{counts:?}");
    }

    /// Compares with the simplest implementation: one counter per page.
    #[test]
    fn counts_are_those_of_one_counter_for_each_page() {
        const PAGES: usize = 64;
        let (mut counts, mut plain, mut state) = (PageCounts::default(), [0_u32; PAGES], 7_u32);
        let mut below = |limit: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % limit
        };
        // Miri takes a thousand times as long.
        for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
            let start = below(PAGES);
            let pages = start..start + below(PAGES - start + 1);
            let (changed, expected): (Vec<Run>, Vec<usize>) = if below(2) == 0 {
                let expected = pages.clone().filter(|&page| plain[page] == 0).collect();
                plain[pages.clone()].iter_mut().for_each(|count| *count += 1);
                (counts.add(pages), expected)
            } else {
                let expected = pages.clone().filter(|&page| plain[page] == 1).collect();
                plain[pages.clone()].iter_mut().for_each(|count| *count = count.saturating_sub(1));
                (counts.remove(pages), expected)
            };
            assert_eq!(changed.into_iter().flatten().collect::<Vec<_>>(), expected);
        }
    }
}
