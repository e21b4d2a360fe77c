//! The sizes of open files, as this process knows them: all handles of a file share them, so that each sees what the others have written.

use std::fs::File;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::os::{self, Errno, FileSystem, Stat};
use crate::weak_map::WeakMap;

/// What leads from an open file to what is known of it. A server may give one number to several files. They then share an entry,
/// and each handle still looks at its own file: a size is only ever taken from there.
type Key = (u64, u64, u64);

static KNOWN: LazyLock<WeakMap<Key, Known>> = LazyLock::new(WeakMap::new);

/// Counts the changes of all sizes, so that a handle learns from one number that nothing has changed.
static CHANGES: AtomicU32 = AtomicU32::new(0);

/// The number that each change of a size raises. It lives for ever.
#[must_use]
pub fn size_changes() -> &'static AtomicU32 {
    &CHANGES
}

/// What is known of one file.
#[derive(Debug)]
pub(crate) struct Known {
    key: Key,
    size: AtomicU64,
    /// Held while the file is looked at, so that an older look never replaces a newer one.
    looking: Mutex<()>,
    /// Held by whoever appends to the file, or cuts it.
    appending: Mutex<()>,
}

impl Known {
    /// What is known of the file that `stat` describes.
    pub(crate) fn of(stat: &Stat, file_system: &FileSystem) -> Arc<Self> {
        let key = (stat.device, stat.inode, file_system.id);
        let make = || {
            let size = AtomicU64::new(stat.size);
            Ok::<_, std::convert::Infallible>(Self {
                key,
                size,
                looking: Mutex::default(),
                appending: Mutex::default(),
            })
        };
        match KNOWN.acquire(key, |_| true, make) {
            Ok(known) => known,
            Err(never) => match never {},
        }
    }

    /// The size at the last look.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Looks at the file, and lets all handles know where its size is another one. May wait for a server.
    pub(crate) fn look(&self, file: &File) -> Result<Stat, Errno> {
        let _one_at_a_time = self.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let stat = os::stat(file)?;
        if self.size.swap(stat.size, Ordering::AcqRel) != stat.size {
            CHANGES.fetch_add(1, Ordering::Release);
        }
        Ok(stat)
    }

    /// One after the other: the end of the file stays where it is for whoever holds this.
    pub(crate) fn append_lock(&self) -> MutexGuard<'_, ()> {
        self.appending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        KNOWN.forget(&self.key, self);
    }
}
