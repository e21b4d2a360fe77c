//! Many ranges in one job: starts the exact I/O of a sliding window of them, then reads or populates one after the other.

use std::io::IoSliceMut;
use std::ops::Range as Span;

use crate::backend::Pages;
use crate::error::{Error, Result};
use crate::limits::{
    AHEAD, AHEAD_PIECES, BLOCK, IN_ORDER, LONG, LONGER_THAN_WINDOWS, MAPPED_AS_READ, NOWAIT, PIECE,
    TAKEN_AT_ONCE,
};
use crate::mapped_file::MappedFile;
use crate::os;
use crate::range::Range;

/// One step of a range, of up to [`PIECE`] bytes.
#[derive(Clone, Copy)]
struct Piece {
    /// The number of the range.
    of: usize,
    range: Range,
    /// Where its bytes go in the target.
    target_offset: usize,
}

/// Where the bytes of ranges go, back to back in their order: pieces of memory, each of which holds whole ranges.
#[derive(Debug)]
pub struct Target<'memory> {
    /// With the position at which each begins.
    parts: Vec<(usize, &'memory mut [u8])>,
    /// Nothing was ever written to it, so it may have no memory behind it yet.
    is_fresh: bool,
}

impl<'memory> Target<'memory> {
    /// A target of these parts.
    pub fn new(memory: impl IntoIterator<Item = &'memory mut [u8]>, is_fresh: bool) -> Self {
        let mut at = 0;
        let with_start = |part: &'memory mut [u8]| {
            let start = at;
            at += part.len();
            (start, part)
        };
        Self { parts: memory.into_iter().map(with_start).collect(), is_fresh }
    }

    /// The parts of `length` bytes from byte `at` on, as they lie in memory.
    fn parts(&mut self, at: usize, length: usize) -> Vec<IoSliceMut<'_>> {
        let end = at + length;
        let with_end = self.parts.iter_mut().map(|(start, part)| (*start, *start + part.len(), part));
        with_end
            .filter(|&(start, part_end, _)| start < end && at < part_end)
            .map(|(start, part_end, part)| {
                IoSliceMut::new(&mut part[at.max(start) - start..end.min(part_end) - start])
            })
            .collect()
    }

    /// The part that begins at byte `at`: no more than one range, and never across two.
    fn part(&mut self, at: usize, length: usize) -> &mut [u8] {
        let index = self.parts.partition_point(|&(start, _)| start <= at) - 1;
        let (start, part) = &mut self.parts[index];
        &mut part[at - *start..at - *start + length]
    }
}

/// What ranges are brought into the page table for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Copies: into the mapping that reads copy from.
    Copies,
    /// Views: into the views' mapping.
    Views,
    /// The same, as parts of a longer range that is gone through from its start to its end.
    ViewsInOrder,
}

/// What became of each range that did not succeed, by its number.
pub type Failures = Vec<(usize, Error)>;

/// Copies ranges, back to back in their order, into `target`, which has room for all of them. Waits for the disk. Each range
/// fails on its own, and one that `wanted` denies is given up at its next piece as [`Error::Cancelled`].
///
/// The bytes come by `pread`: that raises no signal, fills no page table, and tells what any reader of the file would be told.
///
/// # Panics
/// If `target` has no room for a range.
pub fn read_ranges(
    file: &MappedFile,
    ranges: &[Range],
    target: &mut Target<'_>,
    wanted: impl Fn(usize) -> bool,
) -> Failures {
    let start = |range: Range| {
        let pages = file.mapping().map(|mapping| &***mapping);
        match file.goes_on(range) {
            // What has gone on for a while will go on. Short reads are fast enough with what the kernel reads ahead for them.
            Some(length) if length >= IN_ORDER && range.length > NOWAIT => {
                begin_in_order(file, pages, range);
            }
            // The kernel reads ahead, and in large folios.
            Some(_) => {}
            None if range.length >= LONG => {}
            None => start_read(file, pages, range),
        }
    };
    let read = |pieces: &[Piece]| {
        let piece = pieces[0];
        let run = run_of(pieces, &wanted);
        if run.len() > 1 && file.kept().is_none() && read_together(file, run, target) {
            return (run.len(), Ok(()));
        }
        let fresh = target.is_fresh;
        let part = target.part(piece.target_offset, piece.range.length);
        if fresh && part.len() >= TAKEN_AT_ONCE {
            os::take_memory(part);
        }
        (1, read_piece(file, piece.range, part))
    };
    for_each_piece(ranges, start, &wanted, read)
}

/// Begins what comes after a range, of a file that is read in order. May wait for the disk, as long as it takes requests.
pub fn begin_ahead(file: &MappedFile, range: Range) {
    begin_in_order(file, file.mapping().map(|mapping| &***mapping), range);
}

/// Brings ranges into the page table. Waits for the disk; failures as [`read_ranges`].
///
/// # Errors
/// As [`MappedFile::views`].
pub fn populate_ranges(
    file: &MappedFile,
    ranges: &[Range],
    purpose: Purpose,
    wanted: impl Fn(usize) -> bool,
) -> Result<Failures> {
    let views = if purpose == Purpose::Copies { None } else { Some(file.views()?) };
    let pages = match &views {
        Some(views) => Some(views.pages()),
        None => file.mapping().map(|mapping| &***mapping),
    };
    let start = |range: Range| {
        let begun = purpose == Purpose::ViewsInOrder && begin_in_order(file, pages, range);
        if !begun {
            start_read(file, pages, range);
        }
    };
    // Several short ranges are waited for one by one, and then populated in one call.
    let is_short = |range: &Range| range.length <= PIECE;
    let together = ranges.len() > 1 && ranges.iter().all(is_short) && !file.file_system().holes_take_memory;
    let mut ready = Vec::new();
    let mut populate = |piece: Piece| match pages {
        Some(pages) if together => {
            wait_until_cached(file, pages, piece.range)?;
            ready.push(piece);
            Ok(())
        }
        Some(pages) => populate_piece(file, pages, piece.range, views.is_some()),
        // There is nothing to populate: read, it is in the page cache.
        None => read_to_nowhere(file, piece.range),
    };
    let mut failures = for_each_piece(ranges, start, wanted, |pieces| (1, populate(pieces[0])));
    let of_ready: Vec<Range> = ready.iter().map(|piece| piece.range).collect();
    if let Some(pages) = pages.filter(|pages| !pages.populate_many(&of_ready)) {
        for piece in ready {
            if let Err(error) = populate_piece(file, pages, piece.range, views.is_some()) {
                failures.push((piece.of, error));
            }
        }
    }
    if pages.is_some() {
        fail_what_was_cut(file, ranges, &mut failures);
    }
    Ok(failures)
}

/// Has `act` deal with one piece after the other. It gets all that are left, and says with how many it has dealt: several that
/// are well, or the first, which may have failed.
fn for_each_piece(
    ranges: &[Range],
    start: impl Fn(Range),
    wanted: impl Fn(usize) -> bool,
    mut act: impl FnMut(&[Piece]) -> (usize, Result<()>),
) -> Failures {
    let pieces = to_pieces(ranges);
    let mut failures = Failures::new();
    let (mut started, mut ahead, mut index) = (0, 0, 0);
    while let Some(&piece) = pieces.get(index) {
        while let Some(next) = pieces.get(started) {
            let far = started - index >= AHEAD_PIECES || ahead + next.range.length > AHEAD;
            if started > index && far {
                break;
            }
            if wanted(next.of) {
                start(next.range);
            }
            ahead += next.range.length;
            started += 1;
        }
        let (count, outcome) = if failures.last().is_some_and(|&(failed, _)| failed == piece.of) {
            (1, Ok(()))
        } else if wanted(piece.of) {
            act(&pieces[index..])
        } else {
            (1, Err(Error::Cancelled))
        };
        if let Err(error) = outcome {
            failures.push((piece.of, error));
        }
        let done = &pieces[index..index + count];
        index += count;
        // Those that were not begun ahead have been dealt with all the same.
        ahead -= done
            .iter()
            .take(count - index.saturating_sub(started))
            .map(|piece| piece.range.length)
            .sum::<usize>();
        started = started.max(index);
    }
    failures
}

/// The first pieces, as far as each goes on in the file where the one before it ends: one read is less work for the kernel, which
/// also reads further ahead for it.
fn run_of(pieces: &[Piece], wanted: impl Fn(usize) -> bool) -> &[Piece] {
    let mut length = pieces[0].range.length;
    let goes_on = |pair: &&[Piece]| {
        length += pair[1].range.length;
        pair[0].range.end() == pair[1].range.offset && length <= PIECE && wanted(pair[1].of)
    };
    let count = 1 + pieces.windows(2).take_while(goes_on).count();
    &pieces[..count]
}

/// Reads pieces that follow each other, each to its place. False where that did not give all of them: then each is read by itself,
/// which tells what is wrong with it.
fn read_together(file: &MappedFile, run: &[Piece], target: &mut Target<'_>) -> bool {
    let length = run.iter().map(|piece| piece.range.length).sum();
    let mut parts = target.parts(run[0].target_offset, length);
    let read = os::read_vectored_at(file.file(), &mut parts, run[0].range.offset);
    if !read.is_ok_and(|count| count == length) {
        return false;
    }
    map_as_read(file, run.iter().map(|piece| piece.range));
    true
}

fn to_pieces(ranges: &[Range]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(ranges.len());
    let mut target_offset = 0;
    for (of, range) in ranges.iter().enumerate() {
        let mut done = 0;
        while done < range.length {
            let length = PIECE.min(range.length - done);
            let range = Range { offset: range.offset + done as u64, length };
            pieces.push(Piece { of, range, target_offset });
            done += length;
            target_offset += length;
        }
    }
    pieces
}

/// Starts the I/O of exactly these pages, unless they are known to be in memory.
fn start_read(file: &MappedFile, pages: Option<&Pages>, range: Range) {
    if file.kept().is_none() && !pages.is_some_and(|pages| pages.is_cached(range.offset, range.length)) {
        file.request(range);
    }
}

/// Begins a part of what is gone through in order, well ahead of it, so that the disk is not left idle while a part is populated
/// or JavaScript is at something else. The kernel's own read-ahead asks for what is needed anyway, in large folios, which take
/// far less CPU time than single pages. The kernel tells what is in order by what a descriptor was asked for last: parts that
/// come side by side, and perhaps not in their order, are begun one after the other. `false` where the file system knows no reads
/// that may not wait.
fn begin_in_order(file: &MappedFile, pages: Option<&Pages>, range: Range) -> bool {
    let Some(pages) = pages.filter(|_| file.file_system().nowait) else { return false };
    let is_visible = pages.is_told_the_truth();
    let mut in_order = file.in_order();
    for block in in_order.left_behind(range.offset) {
        pages.make_cold(block, BLOCK as usize);
    }
    let missing_of = |at: u64| {
        let length =
            usize::try_from(file.byte_length() - at).map_or(BLOCK as usize, |left| left.min(BLOCK as usize));
        let missing: u64 = pages.missing(at, length).iter().map(|span| span.end - span.start).sum();
        (missing, length)
    };
    let blocks = in_order.next(range.offset, range.end());
    file.has_begun(in_order.begun());
    for at in in_order.unseen().take_while(|&at| at < file.byte_length()) {
        let (missing, length) = missing_of(at);
        if missing >= length as u64 {
            in_order.bring(at);
        }
    }
    blocks.take_while(|&at| at < file.byte_length()).all(|at| {
        let (missing, length) = missing_of(at);
        if missing >= length as u64 {
            // In the middle of a file only a read that is longer than any window begins one. What may be in memory is copied.
            let wanted = if at == 0 || !is_visible { BLOCK } else { LONGER_THAN_WINDOWS };
            if !os::begin_window(file.file(), at, wanted) {
                return false;
            }
        } else if missing > 0 {
            // A window that began in between would have its marks elsewhere.
            file.request(Range { offset: at, length });
        }
        os::pass_marks(file.file(), at, length);
        true
    })
}

fn read_piece(file: &MappedFile, range: Range, target: &mut [u8]) -> Result<()> {
    if let Some(bytes) = file.kept() {
        #[expect(clippy::cast_possible_truncation, reason = "within a length that is a usize")]
        target.copy_from_slice(&bytes[range.offset as usize..range.end() as usize]);
        return Ok(());
    }
    let count =
        os::read_at(file.file(), target, range.offset).map_err(|errno| file.failed(errno, "read", range))?;
    if count < range.length {
        return Err(file.ended(range, range.offset + count as u64));
    }
    map_as_read(file, std::iter::once(range));
    Ok(())
}

/// Where only the page table tells what is in memory, what is read again goes there.
fn map_as_read(file: &MappedFile, ranges: impl Iterator<Item = Range>) {
    let Some(mapping) = file.mapping().filter(|mapping| !mapping.is_told_the_truth()) else { return };
    for range in ranges {
        if range.length <= MAPPED_AS_READ && mapping.was_seen(range.offset) {
            // The bytes have been read, so it does not matter to this range what becomes of it.
            _ = mapping.populate(range.offset, range.length);
        }
    }
}

/// Reads a range for what that does to the page cache, and for its error.
fn read_to_nowhere(file: &MappedFile, range: Range) -> Result<()> {
    const STEP: usize = 64 << 10;
    let mut nowhere = vec![0; STEP.min(range.length)];
    for at in (range.offset..range.end()).step_by(STEP) {
        #[expect(clippy::cast_possible_truncation, reason = "at most a step")]
        let length = (range.end() - at).min(STEP as u64) as usize;
        read_piece(file, Range { offset: at, length }, &mut nowhere[..length])?;
    }
    Ok(())
}

/// Populates pages that are in the page cache by then: a page fault that has to read holds `mmap_lock` while it tries a page for
/// the second time, and every thread that maps, unmaps or faults stands still.
fn populate_piece(file: &MappedFile, pages: &Pages, range: Range, for_views: bool) -> Result<()> {
    wait_until_cached(file, pages, range)?;
    let outcome = if file.file_system().holes_take_memory {
        let holes = pages.missing(range.offset, range.length);
        if for_views && !holes.is_empty() {
            // What is stored to a view takes memory in any case.
            if file.written().is_none() {
                return Err(Error::Hole);
            }
            file.nothing_lost(pages, range)?;
        }
        between(range, &holes).try_for_each(|span| {
            #[expect(clippy::cast_possible_truncation, reason = "part of the range, whose length is a usize")]
            pages.populate(span.start, (span.end - span.start) as usize)
        })
    } else {
        pages.populate(range.offset, range.length)
    };
    let Err(errno) = outcome else { return Ok(()) };
    // The kernel says EFAULT for a cut file and for a bad disk alike: reading the file tells which it is.
    read_to_nowhere(file, range)?;
    if !for_views {
        // Now in the page cache, which is all that can be done for a mapping that copies no longer use.
        return Ok(());
    }
    // Another range may have damaged the mapping: then there is a new one by now.
    let again = file.views()?;
    file.nothing_lost(again.pages(), range)?;
    let again = again.pages().populate(range.offset, range.length);
    again.map_err(|_| file.failed(errno, "madvise", range))
}

/// Waits for the disk by reads of single bytes: they raise no signal, tell the error of a page as it is, and hold no lock.
fn wait_until_cached(file: &MappedFile, pages: &Pages, range: Range) -> Result<()> {
    let mut at = range.offset;
    while at < range.end() {
        #[expect(clippy::cast_possible_truncation, reason = "part of the range, whose length is a usize")]
        let left = (range.end() - at) as usize;
        let Some(missing) = pages.missing(at, left).into_iter().next() else { break };
        if missing == (at..range.end()) && !pages.is_told_the_truth() {
            return read_to_nowhere(file, Range { offset: at, length: left });
        }
        let position = missing.start.max(at);
        match os::read_at(file.file(), &mut [0], position) {
            Ok(0) => return Err(file.ended(range, position)),
            Ok(_) => at = (position + 1).next_multiple_of(os::page_size() as u64),
            Err(errno) => return Err(file.failed(errno, "read", range)),
        }
    }
    Ok(())
}

/// The parts of a range that lie between others.
fn between(range: Range, others: &[Span<u64>]) -> impl Iterator<Item = Span<u64>> {
    let starts = std::iter::once(range.offset).chain(others.iter().map(|other| other.end));
    let ends = others.iter().map(|other| other.start).chain(std::iter::once(range.end()));
    starts
        .zip(ends)
        .map(move |(start, end)| start.max(range.offset)..end)
        .filter(|span| span.start < span.end)
}

/// The last page of a file that was cut inside it is zeros without any signal: only the size tells.
fn fail_what_was_cut(file: &MappedFile, ranges: &[Range], failures: &mut Failures) {
    let size = match file.stat_anew() {
        Ok(stat) => stat.size,
        Err(error) => {
            *failures = (0..ranges.len()).map(|index| (index, error.clone())).collect();
            return;
        }
    };
    if size >= file.byte_length() {
        return;
    }
    for (index, &range) in ranges.iter().enumerate() {
        let cut = range.length > 0 && range.end() > size;
        if cut && !failures.iter().any(|&(failed, _)| failed == index) {
            failures.push((index, file.truncated(range, size)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Range, Target, between, to_pieces};

    #[test]
    fn pieces_of_ranges_find_their_places_in_a_target_of_several_parts() {
        let ranges = [(7, 3), (0, 0), (1, 2), (9, 4)].map(|(offset, length)| Range { offset, length });
        let (mut first, mut none, mut second) = ([0; 5], [0; 0], [0; 4]);
        let mut target = Target::new([&mut first[..], &mut none, &mut second], false);
        for piece in to_pieces(&ranges) {
            #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
            target.part(piece.target_offset, piece.range.length).fill(piece.range.offset as u8);
        }
        assert_eq!((first, second), ([7, 7, 7, 1, 1], [9; 4]));
    }

    #[test]
    fn what_lies_between_holes_is_what_is_left_of_the_range() {
        let range = Range { offset: 100, length: 50 };
        let left = |holes: &[(u64, u64)]| -> Vec<(u64, u64)> {
            let holes: Vec<_> = holes.iter().map(|&(start, end)| start..end).collect();
            between(range, &holes).map(|span| (span.start, span.end)).collect()
        };
        assert_eq!(left(&[]), [(100, 150)]);
        assert_eq!(left(&[(90, 110), (120, 130)]), [(110, 120), (130, 150)]);
        assert_eq!(left(&[(90, 160)]), []);
        assert_eq!(left(&[(140, 160)]), [(100, 140)]);
    }
}
