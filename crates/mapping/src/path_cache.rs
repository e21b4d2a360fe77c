//! Files by path, for `mmapRead`: files are read, and kept mapped from their second use on until they have been idle
//! for some time.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::ops::Range as Span;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::backend::{Mapping, copy_by_path};
use crate::error::{Error, Result};
use crate::mapped_file::{MappedFile, must_be_regular, open_regular, read_to_the_end};
use crate::os::{self, Errno, FileSystem, Stat};
use crate::range::Range;
use crate::reaper;

/// A file that was read by its path.
#[derive(Clone)]
struct KnownPath {
    stat: Stat,
    mapped: Option<Arc<Mapped>>,
    /// `None`: never.
    due: Option<Instant>,
}

struct Mapped {
    mapping: Arc<Mapping>,
    file_system: FileSystem,
}

/// The number of remembered paths per generation. Two generations are kept, so there are at most twice as many paths,
/// and the longest idle ones are dropped first.
const GENERATION: usize = 1024;

#[derive(Default)]
struct Paths {
    young: HashMap<PathBuf, KnownPath>,
    old: HashMap<PathBuf, KnownPath>,
    /// The time of the next check for idle paths.
    next_check: Option<Instant>,
}

static PATHS: LazyLock<Mutex<Paths>> = LazyLock::new(Mutex::default);

fn paths() -> MutexGuard<'static, Paths> {
    PATHS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Paths {
    fn get(&mut self, path: &Path) -> Option<&mut KnownPath> {
        match self.young.get_mut(path) {
            None => self.old.get_mut(path),
            found => found,
        }
    }

    /// Returns values that must be dropped after the lock is released.
    #[must_use]
    fn insert(&mut self, path: &Path, known: KnownPath) -> Vec<KnownPath> {
        let other = self.old.remove(path).or_else(|| self.young.remove(path));
        let mut dropped: Vec<KnownPath> = other.into_iter().collect();
        if self.young.len() >= GENERATION {
            let oldest = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            dropped.extend(oldest.into_values());
        }
        self.young.insert(path.to_owned(), known);
        dropped
    }
}

/// A requested range of the file at a path.
#[derive(Debug)]
pub struct PathRange {
    /// The path.
    pub path: PathBuf,
    /// The first byte.
    pub offset: u64,
    /// The number of bytes; without it, the rest of the file.
    pub length: Option<u64>,
}

/// The result for one path.
#[derive(Debug)]
pub enum PathOutcome {
    /// The bytes, by their position in [`PathsRead::bytes`].
    Bytes(Span<usize>),
    /// There are more bytes than allowed: the open file, for reading in parts.
    TooMany(Box<MappedFile>),
    /// The error.
    Failed(Error),
}

/// The bytes of several files, and the result for each.
#[derive(Debug, Default)]
pub struct PathsRead {
    /// The bytes of all files; each file starts at a multiple of 8.
    pub bytes: Vec<u8>,
    /// The results in the requested order. Files that were not started are missing at the end.
    pub outcomes: Vec<PathOutcome>,
}

struct Opened {
    file: File,
    stat: Stat,
    length: usize,
}

/// The number of files that are open ahead of the one that is read.
const OPEN_AHEAD: usize = 16;

/// Reads the current files at some paths: fewer bytes than requested only at the end of a file. A file with more than
/// `max_bytes` bytes is returned open; once all files together exceed `max_total`, the remaining ones are not started.
/// May wait for disks and servers. Every file is opened, so that permissions are checked; the I/O of the next files is
/// started ahead.
#[must_use]
pub fn read_paths(
    asked: &[PathRange],
    idle: Duration,
    max_bytes: usize,
    max_total: usize,
    wanted: impl Fn(usize) -> bool,
) -> PathsRead {
    let mut done = PathsRead::default();
    let mut ahead: VecDeque<Result<Opened>> = VecDeque::new();
    for (index, one) in asked.iter().enumerate() {
        if done.bytes.len() >= max_total {
            break;
        }
        while let Some(next) = asked.get(index + ahead.len())
            && ahead.len() < OPEN_AHEAD
        {
            let opened = if wanted(index + ahead.len()) {
                open_path(next, asked.len() > 1)
            } else {
                Err(Error::Cancelled)
            };
            let is_full = matches!(&opened, Err(Error::System { errno: Errno::MFILE | Errno::NFILE, .. }));
            if is_full && !ahead.is_empty() {
                // This file is opened again after the ones before it are closed.
                break;
            }
            ahead.push_back(opened);
        }
        let opened = ahead.pop_front().unwrap_or(Err(Error::Cancelled));
        let outcome = opened.and_then(|opened| opened.read(one, idle, max_bytes, &mut done.bytes));
        done.outcomes.push(outcome.unwrap_or_else(PathOutcome::Failed));
    }
    done
}

fn open_path(asked: &PathRange, begins: bool) -> Result<Opened> {
    let path = &asked.path;
    let file = open_regular(path, false)?;
    let stat = os::stat(&file).map_err(|errno| Error::system(errno, "fstat", path))?;
    must_be_regular(&stat, path)?;
    let length = stat.size.saturating_sub(asked.offset).min(asked.length.unwrap_or(u64::MAX));
    if begins {
        os::start_read(&file, asked.offset, length);
    }
    Ok(Opened { file, stat, length: usize::try_from(length).unwrap_or(usize::MAX) })
}

impl Opened {
    fn read(
        self,
        asked: &PathRange,
        idle: Duration,
        max_bytes: usize,
        into: &mut Vec<u8>,
    ) -> Result<PathOutcome> {
        let PathRange { path, offset, length } = asked;
        into.resize(into.len().next_multiple_of(8), 0);
        let before = into.len();
        if self.stat.size == 0 {
            // The file is empty, or its size is meaningless.
            let bytes = read_to_the_end(&self.file, path)?;
            let first = usize::try_from(*offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
            let wanted = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
            into.extend(bytes.iter().skip(first).take(wanted));
            return Ok(PathOutcome::Bytes(before..into.len()));
        }
        remember(path, idle, &self.file, &self.stat);
        if self.length > max_bytes {
            let file = MappedFile::to_be_read_once(self.file, self.stat, path.clone());
            return Ok(PathOutcome::TooMany(Box::new(file)));
        }
        os::append(&self.file, into, self.length, *offset).map_err(|errno| Error::Range {
            errno,
            syscall: "read",
            path: path.clone(),
            range: Range { offset: *offset, length: self.length }.into(),
        })?;
        Ok(PathOutcome::Bytes(before..into.len()))
    }
}

/// Maps a file from its second use on.
fn remember(path: &Path, idle: Duration, file: &File, stat: &Stat) {
    if idle.is_zero() {
        return;
    }
    // An idle time that exceeds the range of the clock means no limit.
    let due = Instant::now().checked_add(idle);
    let is_same = |known: &&mut KnownPath| {
        (known.stat.device, known.stat.inode, known.stat.birth) == (stat.device, stat.inode, stat.birth)
    };
    let known = paths().get(path).filter(is_same).map(|known| known.clone());
    let serves = |mapped: &Arc<Mapped>| {
        mapped.mapping.serves(stat.size) && mapped.mapping.is_of(stat, &mapped.file_system)
    };
    let mapped = match known {
        Some(KnownPath { mapped: Some(mapped), .. }) if serves(&mapped) => Some(mapped),
        // A failure to map is ignored: the file is then read without a mapping.
        Some(_) => map(path, file, stat),
        None => None,
    };
    let mut paths = paths();
    let dropped = paths.insert(path, KnownPath { stat: *stat, mapped, due });
    let is_sooner = due.is_some_and(|due| paths.next_check.is_none_or(|next| due < next));
    if is_sooner {
        paths.next_check = due;
    }
    drop(paths);
    drop(dropped);
    if is_sooner {
        reaper::check_idle_paths();
    }
}

fn map(path: &Path, file: &File, stat: &Stat) -> Option<Arc<Mapped>> {
    let file_system = os::file_system(file);
    if !file_system.local || file_system.generated {
        return None;
    }
    let mapping = Mapping::acquire(file, stat, &file_system, path).ok()?;
    Some(Arc::new(Mapped { mapping, file_system }))
}

/// Copies up to `length` bytes at `offset` of the current file at `path`, if no step waits for a disk or a server: the
/// kernel has the path in its name cache, the file is mapped, and this thread's user may read it. Returns the number of
/// bytes. For the JS thread.
///
/// # Errors
/// [`Error::Truncated`] where the file is truncated meanwhile.
///
/// # Safety
/// `target` has space for `length` bytes.
pub unsafe fn try_read_path(
    path: &Path,
    idle: Duration,
    offset: u64,
    length: usize,
    target: *mut u8,
) -> Result<Option<usize>> {
    let Some(mapped) = paths().get(path).and_then(|known| known.mapped.clone()) else { return Ok(None) };
    let Mapped { mapping, file_system } = &*mapped;
    // SAFETY: passed on from the caller.
    let copied = unsafe { copy_by_path(path, mapping, file_system, offset, length, target) }?;
    if copied.is_some() {
        extend_idle_time(path, idle);
    }
    Ok(copied)
}

/// Extends the idle time of a path after a use.
fn extend_idle_time(path: &Path, idle: Duration) {
    let due = Instant::now().checked_add(idle);
    let is_sooner = match paths().get(path) {
        Some(known) => {
            let before = std::mem::replace(&mut known.due, due);
            due.is_some_and(|due| before.is_none_or(|before| due < before))
        }
        None => false,
    };
    if is_sooner {
        reaper::check_idle_paths();
    }
}

/// Drops one path, or all.
pub fn release_paths(path: Option<&Path>) {
    let mut paths = paths();
    let released: Vec<KnownPath> = if let Some(path) = path {
        [paths.young.remove(path), paths.old.remove(path)].into_iter().flatten().collect()
    } else {
        let Paths { young, old, .. } = std::mem::take(&mut *paths);
        young.into_values().chain(old.into_values()).collect()
    };
    // Dropped after the lock is released: dropping a mapping takes other locks.
    drop(paths);
    drop(released);
}

/// Drops the paths that are due, and returns the time of the next check.
pub(crate) fn drop_idle_paths(now: Instant) -> Option<Instant> {
    let mut paths = paths();
    let Paths { young, old, .. } = &mut *paths;
    let mut idle = Vec::new();
    let mut next: Option<Instant> = None;
    for generation in [young, old] {
        let is_due = |known: &mut KnownPath| known.due.is_some_and(|due| due <= now);
        idle.extend(generation.extract_if(|_, known| is_due(known)).map(|(_, known)| known));
        next = generation.values().filter_map(|known| known.due).chain(next).min();
    }
    // Paths that are due at almost the same time are dropped together.
    let next = next.map(|next| next.max(now + Duration::from_millis(50)));
    paths.next_check = next;
    drop(paths);
    drop(idle);
    next
}
