//! The sizes of open files as this process knows them. All handles of a file share its size, so that each sees what the
//! others have written.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::changes::count_change;
use crate::os::{self, Errno, FileSystem, Stat};
use crate::weak_map::WeakMap;

/// Identifies a file in the registry. A server may give one number to several files. They then share an entry, and each
/// handle still checks its own file: a size always comes from there.
type Key = (u64, u64, u64);

static SHARED_SIZES: LazyLock<WeakMap<Key, SharedSize>> = LazyLock::new(WeakMap::new);

/// The shared size of one file.
#[derive(Debug)]
pub(crate) struct SharedSize {
    key: Key,
    size: AtomicU64,
    /// Held while the file is checked, so that an older size never replaces a newer one.
    checking: Mutex<()>,
    /// Held while a handle appends to the file or truncates it.
    appending: Mutex<()>,
}

impl SharedSize {
    /// The shared size of the file that `stat` describes.
    pub(crate) fn of(stat: &Stat, file_system: &FileSystem) -> Arc<Self> {
        let key = (stat.device, stat.inode, file_system.id);
        let make = || {
            let size = AtomicU64::new(stat.size);
            Ok::<_, std::convert::Infallible>(Self {
                key,
                size,
                checking: Mutex::default(),
                appending: Mutex::default(),
            })
        };
        match SHARED_SIZES.acquire(key, |_| true, make) {
            Ok(shared_size) => shared_size,
            Err(never) => match never {},
        }
    }

    /// The size at the last check.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Checks the file, and publishes a changed size to all handles. May wait for a server.
    pub(crate) fn check(&self, file: &File) -> Result<Stat, Errno> {
        let _one_at_a_time = self.checking.lock().unwrap_or_else(PoisonError::into_inner);
        let stat = os::stat(file)?;
        if self.size.swap(stat.size, Ordering::AcqRel) != stat.size {
            count_change();
        }
        Ok(stat)
    }

    /// Locks the end of the file: no other handle of this process moves it meanwhile.
    pub(crate) fn append_lock(&self) -> MutexGuard<'_, ()> {
        self.appending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SharedSize {
    fn drop(&mut self) {
        SHARED_SIZES.forget(&self.key, self);
    }
}
