//! Many ranges in one job: starts the exact I/O of a sliding window of ranges, then reads or populates them one after
//! the other.

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

/// A part of a range, of up to [`PIECE`] bytes.
#[derive(Clone, Copy)]
struct Piece {
    /// The index of the range.
    of: usize,
    range: Range,
    /// The offset of its bytes in the target.
    target_offset: usize,
}

/// The target of ranges, back to back in their order: buffers, each of which holds whole ranges.
#[derive(Debug)]
pub struct Target<'memory> {
    /// Each buffer with the offset at which it starts.
    parts: Vec<(usize, &'memory mut [u8])>,
    /// No byte was ever written to it, so its pages may not exist yet.
    is_fresh: bool,
}

impl<'memory> Target<'memory> {
    /// Creates a target from these buffers.
    pub fn new(memory: impl IntoIterator<Item = &'memory mut [u8]>, is_fresh: bool) -> Self {
        let mut at = 0;
        let with_start = |part: &'memory mut [u8]| {
            let start = at;
            at += part.len();
            (start, part)
        };
        Self { parts: memory.into_iter().map(with_start).collect(), is_fresh }
    }

    /// The slices of memory for `length` bytes from byte `at` on.
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

    /// The slice that starts at byte `at`. It is at most one range, and never spans two buffers.
    fn part(&mut self, at: usize, length: usize) -> &mut [u8] {
        let index = self.parts.partition_point(|&(start, _)| start <= at) - 1;
        let (start, part) = &mut self.parts[index];
        &mut part[at - *start..at - *start + length]
    }
}

/// The purpose of bringing ranges into the page table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Copies: populates the mapping that reads copy from.
    Copies,
    /// Views: populates the mapping for views.
    Views,
    /// Views of parts of a longer range that is read sequentially.
    ViewsInOrder,
}

/// The failed ranges, by index.
pub type Failures = Vec<(usize, Error)>;

/// Copies ranges, back to back in their order, into `target`, which has space for all of them. Waits for the disk. Each
/// range fails separately. A range for which `wanted` returns false is cancelled at its next piece with
/// [`Error::Cancelled`].
///
/// The bytes are read by `pread`: it raises no signal, fills no page table, and returns the same bytes as any other
/// read of the file.
///
/// # Panics
/// If `target` has no space for a range.
pub fn read_ranges(
    file: &MappedFile,
    ranges: &[Range],
    target: &mut Target<'_>,
    wanted: impl Fn(usize) -> bool,
) -> Failures {
    let start = |range: Range| {
        let pages = file.mapping().map(|mapping| &***mapping);
        match file.sequential_length(range) {
            // A long sequential reading is likely to continue. For short reads the kernel's own read-ahead is fast
            // enough.
            Some(length) if length >= IN_ORDER && range.length > NOWAIT => {
                begin_in_order(file, pages, range);
            }
            // The kernel reads ahead by itself, in large folios.
            Some(_) => {}
            None if range.length >= LONG => {}
            None => start_read(file, pages, range),
        }
    };
    let read = |pieces: &[Piece]| {
        let piece = pieces[0];
        let run = run_of(pieces, &wanted);
        if run.len() > 1 && file.in_memory().is_none() && read_together(file, run, target) {
            return (run.len(), Ok(()));
        }
        let fresh = target.is_fresh;
        let part = target.part(piece.target_offset, piece.range.length);
        if fresh && part.len() >= TAKEN_AT_ONCE {
            os::populate_target(part);
        }
        (1, read_piece(file, piece.range, part))
    };
    for_each_piece(ranges, start, &wanted, read)
}

/// Starts the I/O after a range of a file that is read sequentially. May wait until the disk accepts the requests.
pub fn begin_ahead(file: &MappedFile, range: Range) {
    begin_in_order(file, file.mapping().map(|mapping| &***mapping), range);
}

/// Brings ranges into the page table. Waits for the disk; failures as for [`read_ranges`].
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
        let was_started = purpose == Purpose::ViewsInOrder && begin_in_order(file, pages, range);
        if !was_started {
            start_read(file, pages, range);
        }
    };
    // Several short ranges are read one by one, and then populated in one call.
    let is_short = |range: &Range| range.length <= PIECE;
    let together =
        ranges.len() > 1 && ranges.iter().all(is_short) && !file.file_system().holes_allocate_memory;
    let mut ready = Vec::new();
    let mut populate = |piece: Piece| match pages {
        Some(pages) if together => {
            wait_until_cached(file, pages, piece.range)?;
            ready.push(piece);
            Ok(())
        }
        Some(pages) => populate_piece(file, pages, piece.range, views.is_some()),
        // The file is not mapped: reading brings the bytes into the page cache.
        None => read_and_discard(file, piece.range),
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
        fail_truncated(file, ranges, &mut failures);
    }
    Ok(failures)
}

/// Passes the remaining pieces to `act`, which returns how many it processed: several that succeeded, or the first one,
/// which may have failed.
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
        // Pieces whose I/O was not started ahead are also processed.
        ahead -= done
            .iter()
            .take(count - index.saturating_sub(started))
            .map(|piece| piece.range.length)
            .sum::<usize>();
        started = started.max(index);
    }
    failures
}

/// The first pieces that are adjacent in the file: one read costs the kernel less work, and makes it read further
/// ahead.
fn run_of(pieces: &[Piece], wanted: impl Fn(usize) -> bool) -> &[Piece] {
    let mut length = pieces[0].range.length;
    let is_adjacent = |pair: &&[Piece]| {
        length += pair[1].range.length;
        pair[0].range.end() == pair[1].range.offset && length <= PIECE && wanted(pair[1].of)
    };
    let count = 1 + pieces.windows(2).take_while(is_adjacent).count();
    &pieces[..count]
}

/// Reads adjacent pieces in one call, each to its target. False where the call did not return all bytes: the caller
/// then reads each piece separately, which shows the error.
fn read_together(file: &MappedFile, run: &[Piece], target: &mut Target<'_>) -> bool {
    let length = run.iter().map(|piece| piece.range.length).sum();
    let mut parts = target.parts(run[0].target_offset, length);
    let read = os::read_vectored_at(file.file(), &mut parts, run[0].range.offset);
    if !read.is_ok_and(|count| count == length) {
        return false;
    }
    map_reread_ranges(file, run.iter().map(|piece| piece.range));
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

/// Starts the I/O of exactly these pages, unless they are known to be resident.
fn start_read(file: &MappedFile, pages: Option<&Pages>, range: Range) {
    if file.in_memory().is_none() && !pages.is_some_and(|pages| pages.is_cached(range.offset, range.length)) {
        file.request(range);
    }
}

/// Starts the I/O of sequential reading well ahead of the current part, so that the disk is not idle while a part is
/// populated or JavaScript does other work. The kernel's own read-ahead does this in large folios, which take far less
/// CPU time than single pages. It detects sequential reads by the last read of a descriptor, so concurrent parts, which
/// may be out of order, are started here one after the other. `false` where the file system does not support
/// non-blocking reads.
fn begin_in_order(file: &MappedFile, pages: Option<&Pages>, range: Range) -> bool {
    let Some(pages) = pages.filter(|_| file.file_system().nowait) else { return false };
    let is_visible = pages.mincore_is_reliable();
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
    file.set_started_to(in_order.started_to());
    for at in in_order.unseen().take_while(|&at| at < file.byte_length()) {
        let (missing, length) = missing_of(at);
        if missing >= length as u64 {
            in_order.bring(at);
        }
    }
    blocks.take_while(|&at| at < file.byte_length()).all(|at| {
        let (missing, length) = missing_of(at);
        if missing >= length as u64 {
            // In the middle of a file, only a read that is longer than any read-ahead window starts one. Bytes that may
            // be resident are copied, so the read is shorter where that cannot be ruled out.
            let wanted = if at == 0 || !is_visible { BLOCK } else { LONGER_THAN_WINDOWS };
            if !os::begin_window(file.file(), at, wanted) {
                return false;
            }
        } else if missing > 0 {
            // A read-ahead window that starts inside a block would have its marks at other offsets.
            file.request(Range { offset: at, length });
        }
        os::trigger_marks(file.file(), at, length);
        true
    })
}

fn read_piece(file: &MappedFile, range: Range, target: &mut [u8]) -> Result<()> {
    if let Some(bytes) = file.in_memory() {
        #[expect(clippy::cast_possible_truncation, reason = "within a length that is a usize")]
        target.copy_from_slice(&bytes[range.offset as usize..range.end() as usize]);
        return Ok(());
    }
    let count =
        os::read_at(file.file(), target, range.offset).map_err(|errno| file.failed(errno, "read", range))?;
    if count < range.length {
        return Err(file.ended(range, range.offset + count as u64));
    }
    map_reread_ranges(file, std::iter::once(range));
    Ok(())
}

/// Maps ranges that are read again, where only the page table shows which pages are resident.
fn map_reread_ranges(file: &MappedFile, ranges: impl Iterator<Item = Range>) {
    let Some(mapping) = file.mapping().filter(|mapping| !mapping.mincore_is_reliable()) else { return };
    for range in ranges {
        if range.length <= MAPPED_AS_READ && mapping.mark_read(range.offset) {
            // The bytes have already been read, so an error of this call does not affect the result.
            _ = mapping.populate(range.offset, range.length);
        }
    }
}

/// Reads a range only to bring it into the page cache and to get its error.
fn read_and_discard(file: &MappedFile, range: Range) -> Result<()> {
    const STEP: usize = 64 << 10;
    let mut nowhere = vec![0; STEP.min(range.length)];
    for at in (range.offset..range.end()).step_by(STEP) {
        #[expect(clippy::cast_possible_truncation, reason = "at most a step")]
        let length = (range.end() - at).min(STEP as u64) as usize;
        read_piece(file, Range { offset: at, length }, &mut nowhere[..length])?;
    }
    Ok(())
}

/// Populates pages after they have been read into the page cache: a page fault that reads from the disk holds
/// `mmap_lock` during its second attempt, and blocks every thread that maps, unmaps or faults.
fn populate_piece(file: &MappedFile, pages: &Pages, range: Range, for_views: bool) -> Result<()> {
    wait_until_cached(file, pages, range)?;
    let outcome = if file.file_system().holes_allocate_memory {
        let holes = pages.missing(range.offset, range.length);
        if for_views && !holes.is_empty() {
            // A store to a view takes memory in any case.
            if file.written().is_none() {
                return Err(Error::Hole);
            }
            file.check_no_loss(pages, range)?;
        }
        between(range, &holes).try_for_each(|span| {
            #[expect(clippy::cast_possible_truncation, reason = "part of the range, whose length is a usize")]
            pages.populate(span.start, (span.end - span.start) as usize)
        })
    } else {
        pages.populate(range.offset, range.length)
    };
    let Err(errno) = outcome else { return Ok(()) };
    // The kernel returns EFAULT both for a truncated file and for a bad disk: reading the file shows which it is.
    read_and_discard(file, range)?;
    if !for_views {
        // The pages are now in the page cache. No more can be done for a mapping that copies no longer use.
        return Ok(());
    }
    // Another range may have damaged the mapping: then `views` returns a new one.
    let again = file.views()?;
    file.check_no_loss(again.pages(), range)?;
    let again = again.pages().populate(range.offset, range.length);
    again.map_err(|_| file.failed(errno, "madvise", range))
}

/// Waits for the disk by reading single bytes: such reads raise no signal, return the error of the page, and hold no
/// lock.
fn wait_until_cached(file: &MappedFile, pages: &Pages, range: Range) -> Result<()> {
    let mut at = range.offset;
    while at < range.end() {
        #[expect(clippy::cast_possible_truncation, reason = "part of the range, whose length is a usize")]
        let left = (range.end() - at) as usize;
        let Some(missing) = pages.missing(at, left).into_iter().next() else { break };
        if missing == (at..range.end()) && !pages.mincore_is_reliable() {
            return read_and_discard(file, Range { offset: at, length: left });
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

/// The parts of a range between other ranges.
fn between(range: Range, others: &[Span<u64>]) -> impl Iterator<Item = Span<u64>> {
    let starts = std::iter::once(range.offset).chain(others.iter().map(|other| other.end));
    let ends = others.iter().map(|other| other.start).chain(std::iter::once(range.end()));
    starts
        .zip(ends)
        .map(move |(start, end)| start.max(range.offset)..end)
        .filter(|span| span.start < span.end)
}

/// The last page of a file that was truncated inside it reads as zeros without any signal: only the size shows it.
fn fail_truncated(file: &MappedFile, ranges: &[Range], failures: &mut Failures) {
    let size = match file.fresh_stat() {
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
    fn pieces_of_ranges_are_written_to_the_right_parts_of_a_target() {
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
    fn the_parts_between_holes_are_the_rest_of_the_range() {
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
