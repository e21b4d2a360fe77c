//! Files by path: what `mmapRead` keeps mapped between two calls, until it has been idle for a while.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::housekeeper;
use crate::mapped_file::MappedFile;
use crate::os;

struct Entry {
    file: Arc<MappedFile>,
    due: Option<Instant>,
}

static PATHS: LazyLock<Mutex<HashMap<PathBuf, Entry>>> = LazyLock::new(Mutex::default);

fn paths() -> MutexGuard<'static, HashMap<PathBuf, Entry>> {
    PATHS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file that is at `path` now, mapped, and kept so until nobody has asked for it for `idle`. A file that was replaced
/// or has another size than before is noticed. May wait for the disk.
///
/// # Errors
/// As [`MappedFile::open`].
pub fn open_path(path: &Path, idle: Duration) -> Result<Arc<MappedFile>> {
    let stat = os::stat_path(path).map_err(|errno| Error::system(errno, "open", path))?;
    let known = paths().get(path).map(|entry| Arc::clone(&entry.file)).filter(|file| file.is(&stat));
    let file = match known {
        Some(file) if file.byte_length() == stat.size => file,
        Some(file) => Arc::new(file.at(stat, true)?),
        None => Arc::new(MappedFile::open(path)?),
    };
    // An idle time beyond what a clock can show means for ever.
    let due = Instant::now().checked_add(idle);
    let replaced = paths().insert(path.to_owned(), Entry { file: Arc::clone(&file), due });
    if replaced.is_none() {
        housekeeper::call();
    }
    Ok(file)
}

/// The file that is at `path` now, if it is mapped already, and whether it is still the same is known without asking a disk.
/// For the JS thread.
#[must_use]
pub fn find_path(path: &Path, idle: Duration) -> Option<Arc<MappedFile>> {
    let file = paths().get(path).map(|entry| Arc::clone(&entry.file))?;
    let stat = os::stat_path_now(path)?;
    if !file.is(&stat) || file.byte_length() != stat.size {
        return None;
    }
    if let Some(entry) = paths().get_mut(path) {
        entry.due = Instant::now().checked_add(idle);
    }
    Some(file)
}

/// Lets go of one path, or of all.
pub fn release_paths(path: Option<&Path>) {
    let released = match path {
        Some(path) => paths().remove(path).into_iter().collect::<Vec<_>>(),
        None => paths().drain().map(|(_, entry)| entry).collect(),
    };
    // Dropped without the lock: letting go of a mapping takes others.
    drop(released);
}

/// Lets go of what is due, and says when the next will be.
pub(crate) fn drop_idle(now: Instant) -> Option<Instant> {
    let mut paths = paths();
    let idle: Vec<Entry> = paths
        .extract_if(|_, entry| entry.due.is_some_and(|due| due <= now))
        .map(|(_, entry)| entry)
        .collect();
    let next = paths.values().filter_map(|entry| entry.due).min();
    drop(paths);
    drop(idle);
    next
}
