//! Who has mapped what: finds the one mapping of a file for every worker of the process.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::error::Result;
use crate::mapping::Mapping;
use crate::os::{self, Stat};
use crate::weak_map::WeakMap;

/// What makes two open files the same file. An inode number is not given away again while a mapping keeps it open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    device: u64,
    inode: u64,
    /// Only where the file system may put another file behind one inode number.
    changed: Option<(i64, u64)>,
}

impl Key {
    /// Whether a file of the same device and inode is the same file.
    pub(crate) fn admits(&self, stat: &Stat) -> bool {
        self.changed.is_none_or(|changed| changed == stat.changed)
    }
}

static MAPPINGS: LazyLock<WeakMap<Key, Mapping>> = LazyLock::new(WeakMap::new);

/// The mapping of an open regular file that shows at least `stat.size` bytes: the one that is there, or a new one. A damaged
/// one is never found again. Does not wait for a disk, but for whoever maps at the same time.
pub(crate) fn acquire(file: &File, stat: &Stat, path: &Path) -> Result<Arc<Mapping>> {
    let changed = os::identity_needs_change_time(file).then_some(stat.changed);
    let key = Key { device: stat.device, inode: stat.inode, changed };
    let make = || Mapping::new(file, stat, key.clone(), path);
    MAPPINGS.acquire(key.clone(), |found| serves(found, stat.size), make)
}

/// Whether a mapping is whole and long enough for a file of this size.
pub(crate) fn serves(mapping: &Mapping, size: u64) -> bool {
    !mapping.is_damaged() && size <= mapping.capacity()
}

/// Called by a mapping on its way out; a newer one under the same key stays.
pub(crate) fn forget(mapping: &Mapping) {
    MAPPINGS.forget(mapping.key(), mapping);
}
