//! Many ranges in one trip: starts the exact I/O of a sliding window of them, then populates, copies and checks each.

use crate::error::{Error, Result};
use crate::mapped_file::MappedFile;
use crate::os;
use crate::pages::Pages;

/// Bytes populated in one call. A longer populate holds `mmap_lock` long enough for others to notice; between two pieces
/// a cancelled range is noticed.
pub const MAX_PIECE: usize = 2 << 20;

/// How far the I/O runs ahead of the copies, in bytes: far more would soon be evicted again under memory pressure.
const AHEAD_BYTES: usize = 8 << 20;

/// How far it runs ahead in pieces: enough for the queue of a fast disk.
const AHEAD_PIECES: usize = 128;

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

/// One populate's worth of a range.
#[derive(Clone, Copy)]
struct Piece {
    /// The range it belongs to.
    of: usize,
    offset: u64,
    length: usize,
    /// Where its bytes go in the target.
    at: usize,
}

/// Where the bytes of ranges go, back to back in their order.
pub trait Target {
    /// The part that begins at byte `at`. It is asked for in no more than the length of one range, and never across two.
    fn part(&mut self, at: usize, length: usize) -> &mut [u8];
}

impl Target for [u8] {
    fn part(&mut self, at: usize, length: usize) -> &mut [u8] {
        &mut self[at..at + length]
    }
}

/// Several pieces of memory as one target. Each range lies in one of them.
#[derive(Debug)]
pub struct Scattered<'memory> {
    /// With the position at which each begins.
    parts: Vec<(usize, &'memory mut [u8])>,
}

impl<'memory> FromIterator<&'memory mut [u8]> for Scattered<'memory> {
    fn from_iter<I: IntoIterator<Item = &'memory mut [u8]>>(memory: I) -> Self {
        let mut at = 0;
        let place = |part: &'memory mut [u8]| {
            let start = at;
            at += part.len();
            (start, part)
        };
        Self { parts: memory.into_iter().map(place).collect() }
    }
}

impl Target for Scattered<'_> {
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

/// What became of each range that did not succeed, by its index.
pub type Failures = Vec<(usize, Error)>;

/// Copies ranges, back to back in their order, into `target`, which has room for all of them. Waits for the disk. Each range
/// fails on its own, and one that `wanted` denies is given up at its next piece as [`Error::Cancelled`].
///
/// # Panics
/// If `target` has no room for a range.
pub fn read_ranges(
    file: &MappedFile,
    ranges: &[Range],
    target: &mut (impl Target + ?Sized),
    wanted: impl Fn(usize) -> bool,
) -> Failures {
    let mapping = file.mapping();
    let mut failures = for_each_piece(mapping, ranges, Pages::start_read, wanted, |piece| {
        read_piece(file, piece, target.part(piece.at, piece.length))
    });
    fail_what_was_cut(file, ranges, &mut failures);
    failures
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
    let for_views = purpose != Purpose::Copies;
    let views = if for_views { Some(file.views()?) } else { None };
    let pages = views.as_deref().map_or(&**file.mapping(), |views| views.pages());
    let start = if purpose == Purpose::ViewsInOrder { Pages::start_read_in_order } else { Pages::start_read };
    let mut failures = for_each_piece(pages, ranges, start, wanted, |piece| {
        match pages.populate(piece.offset, piece.length) {
            Ok(()) => Ok(()),
            // The kernel says EFAULT for a cut file and for a bad disk alike: reading the file tells which it is.
            Err(errno) => {
                read_past_mapping(file, piece, &mut vec![0; piece.length])?;
                if !for_views {
                    // Now in the page cache, which is all that can be done for a mapping that copies no longer use.
                    return Ok(());
                }
                // Another range may have damaged the mapping: then there is a new one by now.
                let again = file.views()?;
                file.nothing_lost(again.pages(), Range { offset: piece.offset, length: piece.length })?;
                let again = again.pages().populate(piece.offset, piece.length);
                again.map_err(|_| file.failed(errno, "madvise", piece.offset, piece.length))
            }
        }
    });
    fail_what_was_cut(file, ranges, &mut failures);
    Ok(failures)
}

fn for_each_piece(
    pages: &Pages,
    ranges: &[Range],
    start: fn(&Pages, u64, usize),
    wanted: impl Fn(usize) -> bool,
    mut act: impl FnMut(Piece) -> Result<()>,
) -> Failures {
    let pieces = cut(ranges);
    let mut failures = Failures::new();
    let (mut started, mut ahead) = (0, 0);
    for (index, &piece) in pieces.iter().enumerate() {
        while let Some(next) = pieces.get(started) {
            let far = started - index >= AHEAD_PIECES || ahead + next.length > AHEAD_BYTES;
            if started > index && far {
                break;
            }
            if wanted(next.of) {
                start(pages, next.offset, next.length);
            }
            ahead += next.length;
            started += 1;
        }
        ahead -= piece.length;
        if failures.last().is_some_and(|&(failed, _)| failed == piece.of) {
            continue;
        }
        let outcome = if wanted(piece.of) { act(piece) } else { Err(Error::Cancelled) };
        if let Err(error) = outcome {
            failures.push((piece.of, error));
        }
    }
    failures
}

fn cut(ranges: &[Range]) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(ranges.len());
    let mut at = 0;
    for (of, range) in ranges.iter().enumerate() {
        let mut done = 0;
        while done < range.length {
            let length = MAX_PIECE.min(range.length - done);
            pieces.push(Piece { of, offset: range.offset + done as u64, length, at });
            done += length;
            at += length;
        }
    }
    pieces
}

/// Populates and copies; whatever goes wrong with the mapping, the file itself has the last word.
fn read_piece(file: &MappedFile, piece: Piece, target: &mut [u8]) -> Result<()> {
    let mapping = file.mapping();
    if mapping.populate(piece.offset, piece.length).is_err() {
        return read_past_mapping(file, piece, target);
    }
    // SAFETY: `target` is as long as the piece and belongs to the caller; the range lies within the file's length, so
    // within the mapping, and was populated.
    unsafe { mapping.copy(piece.offset, piece.length, target.as_mut_ptr()) };
    if mapping.is_damaged() {
        return read_past_mapping(file, piece, target);
    }
    Ok(())
}

fn read_past_mapping(file: &MappedFile, piece: Piece, target: &mut [u8]) -> Result<()> {
    let Piece { offset, length, .. } = piece;
    let count = os::read_at(file.file(), target, offset)
        .map_err(|errno| file.failed(errno, "read", offset, length))?;
    if count < length {
        return Err(file.truncated(offset, length, offset + count as u64));
    }
    Ok(())
}

/// The last page of a file that was cut inside it reads as zeros without any signal: only the size tells.
fn fail_what_was_cut(file: &MappedFile, ranges: &[Range], failures: &mut Failures) {
    let size = match os::stat(file.file()) {
        Ok(stat) => stat.size,
        Err(errno) => {
            let failed = |(index, range): (usize, &Range)| {
                (index, file.failed(errno, "fstat", range.offset, range.length))
            };
            *failures = ranges.iter().enumerate().map(failed).collect();
            return;
        }
    };
    if size >= file.byte_length() {
        return;
    }
    for (index, range) in ranges.iter().enumerate() {
        let cut = range.length > 0 && range.end() > size;
        if cut && !failures.iter().any(|&(failed, _)| failed == index) {
            failures.push((index, file.truncated(range.offset, range.length, size)));
        }
    }
}
