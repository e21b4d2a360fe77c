//! Files by path: what `mmapRead` reads, and keeps mapped from its second use on, until it has been idle for a while.

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
struct Known {
    stat: Stat,
    mapped: Option<Arc<Mapped>>,
    /// None: never.
    due: Option<Instant>,
}

struct Mapped {
    mapping: Arc<Mapping>,
    file_system: FileSystem,
}

/// Paths that are remembered in one generation. Two are kept, so there are at most twice as many paths, and the longest idle go
/// first.
const GENERATION: usize = 1024;

#[derive(Default)]
struct Paths {
    young: HashMap<PathBuf, Known>,
    old: HashMap<PathBuf, Known>,
    /// When the idle ones will be looked for.
    next_look: Option<Instant>,
}

static PATHS: LazyLock<Mutex<Paths>> = LazyLock::new(Mutex::default);

fn paths() -> MutexGuard<'static, Paths> {
    PATHS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Paths {
    fn get(&mut self, path: &Path) -> Option<&mut Known> {
        match self.young.get_mut(path) {
            None => self.old.get_mut(path),
            found => found,
        }
    }

    /// Gives back what must be dropped without the lock.
    #[must_use]
    fn insert(&mut self, path: &Path, known: Known) -> Vec<Known> {
        let other = self.old.remove(path).or_else(|| self.young.remove(path));
        let mut dropped: Vec<Known> = other.into_iter().collect();
        if self.young.len() >= GENERATION {
            let oldest = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            dropped.extend(oldest.into_values());
        }
        self.young.insert(path.to_owned(), known);
        dropped
    }
}

/// What is asked of the file at a path.
#[derive(Debug)]
pub struct PathRange {
    /// Where it is.
    pub path: PathBuf,
    /// The first byte.
    pub offset: u64,
    /// How many bytes; the rest of the file without a length.
    pub length: Option<u64>,
}

/// What has become of it.
#[derive(Debug)]
pub enum PathOutcome {
    /// The bytes, by their place among all that were read.
    Bytes(Span<usize>),
    /// There are more than was allowed: the open file, for whoever reads them in parts.
    TooMany(Box<MappedFile>),
    /// There are none.
    Failed(Error),
}

/// The bytes of several files, and what became of each.
#[derive(Debug, Default)]
pub struct PathsRead {
    /// One after the other, each from a multiple of 8 on.
    pub bytes: Vec<u8>,
    /// In the order asked. Those that were not begun are missing.
    pub outcomes: Vec<PathOutcome>,
}

struct Opened {
    file: File,
    stat: Stat,
    length: usize,
}

/// Files that are open ahead of the one that is read.
const OPEN_AHEAD: usize = 16;

/// Reads the files that are at some paths now: fewer bytes than asked only at the end of a file. What has more than `most` bytes
/// is left to the caller; when all together have more than `most_together`, those after it are not begun. May wait for disks and
/// servers. Every file is opened, so that nobody reads what they may not; the I/O of the next ones is begun ahead.
#[must_use]
pub fn read_paths(
    asked: &[PathRange],
    idle: Duration,
    most: usize,
    most_together: usize,
    wanted: impl Fn(usize) -> bool,
) -> PathsRead {
    let mut done = PathsRead::default();
    let mut ahead: VecDeque<Result<Opened>> = VecDeque::new();
    for (index, one) in asked.iter().enumerate() {
        if done.bytes.len() >= most_together {
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
                // Again when those before it are closed.
                break;
            }
            ahead.push_back(opened);
        }
        let opened = ahead.pop_front().unwrap_or(Err(Error::Cancelled));
        let outcome = opened.and_then(|opened| opened.read(one, idle, most, &mut done.bytes));
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
    fn read(self, asked: &PathRange, idle: Duration, most: usize, into: &mut Vec<u8>) -> Result<PathOutcome> {
        let PathRange { path, offset, length } = asked;
        into.resize(into.len().next_multiple_of(8), 0);
        let before = into.len();
        if self.stat.size == 0 {
            // An empty file, or one whose size says nothing.
            let bytes = read_to_the_end(&self.file, path)?;
            let first = usize::try_from(*offset).map_or(bytes.len(), |offset| offset.min(bytes.len()));
            let wanted = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
            into.extend(bytes.iter().skip(first).take(wanted));
            return Ok(PathOutcome::Bytes(before..into.len()));
        }
        remember(path, idle, &self.file, &self.stat);
        if self.length > most {
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

/// A file is worth its mapping from the second use on.
fn remember(path: &Path, idle: Duration, file: &File, stat: &Stat) {
    if idle.is_zero() {
        return;
    }
    // An idle time beyond what a clock can show means for ever.
    let due = Instant::now().checked_add(idle);
    let is_same = |known: &&mut Known| {
        (known.stat.device, known.stat.inode, known.stat.birth) == (stat.device, stat.inode, stat.birth)
    };
    let known = paths().get(path).filter(is_same).map(|known| known.clone());
    let serves = |mapped: &Arc<Mapped>| {
        mapped.mapping.serves(stat.size) && mapped.mapping.is_of(stat, &mapped.file_system)
    };
    let mapped = match known {
        Some(Known { mapped: Some(mapped), .. }) if serves(&mapped) => Some(mapped),
        // Nothing is lost where it cannot be mapped.
        Some(_) => map(path, file, stat),
        None => None,
    };
    let mut paths = paths();
    let dropped = paths.insert(path, Known { stat: *stat, mapped, due });
    let is_sooner = due.is_some_and(|due| paths.next_look.is_none_or(|next| due < next));
    if is_sooner {
        paths.next_look = due;
    }
    drop(paths);
    drop(dropped);
    if is_sooner {
        reaper::look_at_paths();
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

/// Copies up to `length` bytes at `offset` of the file that is at `path` now, if none of that waits for a disk or a server: the way
/// to it is known, the file is mapped, and this thread's user may read it. Gives the count. For the JS thread.
///
/// # Errors
/// [`Error::Truncated`] where the file is cut meanwhile.
///
/// # Safety
/// `target` has room for `length` bytes.
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
        keep(path, idle);
    }
    Ok(copied)
}

/// A path was used again.
fn keep(path: &Path, idle: Duration) {
    let due = Instant::now().checked_add(idle);
    let is_sooner = match paths().get(path) {
        Some(known) => {
            let before = std::mem::replace(&mut known.due, due);
            due.is_some_and(|due| before.is_none_or(|before| due < before))
        }
        None => false,
    };
    if is_sooner {
        reaper::look_at_paths();
    }
}

/// Lets go of one path, or of all.
pub fn release_paths(path: Option<&Path>) {
    let mut paths = paths();
    let released: Vec<Known> = if let Some(path) = path {
        [paths.young.remove(path), paths.old.remove(path)].into_iter().flatten().collect()
    } else {
        let Paths { young, old, .. } = std::mem::take(&mut *paths);
        young.into_values().chain(old.into_values()).collect()
    };
    // Dropped without the lock: letting go of a mapping takes others.
    drop(paths);
    drop(released);
}

/// Lets go of what is due, and says when the next will be.
pub(crate) fn drop_idle(now: Instant) -> Option<Instant> {
    let mut paths = paths();
    let Paths { young, old, .. } = &mut *paths;
    let mut idle = Vec::new();
    let mut next: Option<Instant> = None;
    for generation in [young, old] {
        let is_due = |known: &mut Known| known.due.is_some_and(|due| due <= now);
        idle.extend(generation.extract_if(|_, known| is_due(known)).map(|(_, known)| known));
        next = generation.values().filter_map(|known| known.due).chain(next).min();
    }
    // Those that are due side by side go together.
    let next = next.map(|next| next.max(now + Duration::from_millis(50)));
    paths.next_look = next;
    drop(paths);
    drop(idle);
    next
}
