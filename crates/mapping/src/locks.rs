//! The pages that one handle has locked in memory: counted by page, and unlocked when the handle is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backend::Mapping;
use crate::error::{Error, LockLimit, Result};
use crate::mapped_file::MappedFile;
use crate::os::{self, Errno, LockableMemory};
use crate::page_counts::{PageCounts, Run};
use crate::range::Range;
use crate::read_many::{Purpose, populate_ranges};
use crate::reaper::Deferred;

/// The locked pages of one handle. They keep the mapping on which they were locked, even if the handle has a newer one:
/// a page stays in memory as long as any mapping has it locked.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<Vec<Held>>);

#[derive(Debug)]
struct Held {
    mapping: Arc<Mapping>,
    counts: PageCounts,
}

impl Locks {
    fn held(&self) -> MutexGuard<'_, Vec<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, mapping: &Arc<Mapping>, pages: Run) -> std::result::Result<(), Errno> {
        let mut held = self.held();
        let found = held.iter().position(|each| Arc::ptr_eq(&each.mapping, mapping));
        let index = found.unwrap_or_else(|| {
            held.push(Held { mapping: Arc::clone(mapping), counts: PageCounts::default() });
            held.len() - 1
        });
        let Held { counts, .. } = &mut held[index];
        let fresh = counts.add(pages.clone());
        for (done, run) in fresh.iter().enumerate() {
            if let Err(errno) = mapping.pin(run.clone()) {
                counts.remove(pages);
                fresh[..done].iter().for_each(|run| mapping.unpin(run.clone()));
                return Err(errno);
            }
        }
        Ok(())
    }

    fn remove(&self, pages: &Run) {
        for Held { mapping, counts } in self.held().iter_mut() {
            counts.remove(pages.clone()).into_iter().for_each(|run| mapping.unpin(run));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.counts.clear().into_iter().for_each(|run| self.mapping.unpin(run));
    }
}

impl Drop for Locks {
    fn drop(&mut self) {
        let held = std::mem::take(&mut *self.held());
        // Unlocking visits every page, and a garbage collection may drop the last reference.
        if !held.is_empty() {
            drop(Deferred::new(held, true));
        }
    }
}

impl MappedFile {
    /// Brings a range into memory and keeps it there for this handle. Each call counts. Waits for the disk; takes
    /// `mmap_lock` for writing.
    ///
    /// # Errors
    /// As [`populate_ranges`]; [`Error::Lock`] where the kernel refuses.
    pub fn lock(&self, range: Range) -> Result<()> {
        if range.length == 0 {
            return Ok(());
        }
        if !self.is_mapped() {
            return Err(Error::Unsupported {
                what: "this file is read, not mapped, so its pages cannot be locked; use prefault()",
            });
        }
        let failed =
            |errno, limit| Error::Lock { errno, path: self.path().to_owned(), range: range.into(), limit };
        // The kernel does not refuse to lock more than a memory cgroup allows: it kills the process.
        if let Some(LockableMemory { limit, left }) = os::lockable_memory()
            && range.length as u64 > left
        {
            return Err(failed(Errno::NOMEM, LockLimit::Cgroup { limit, left }));
        }
        if let Some((_, error)) =
            populate_ranges(self, &[range], Purpose::Copies, |_| true)?.into_iter().next()
        {
            return Err(error);
        }
        let Some(mapping) = self.sound_mapping(range)? else { return Ok(()) };
        let pages = mapping.pages_of(range.offset, range.length);
        let Err(errno) = self.locks().add(&mapping, pages) else { return Ok(()) };
        // Pages past the end of the file cannot be locked, and the kernel returns ENOMEM for them as well.
        let size = self.fresh_stat()?.size;
        if size < range.end() {
            return Err(self.truncated(range, size));
        }
        let process_limit = os::lock_limit().filter(|_| Mapping::can_lock_more_runs());
        Err(failed(errno, process_limit.map_or(LockLimit::Mappings, LockLimit::Process)))
    }

    /// Undoes one call of [`MappedFile::lock`] for each page of the range that this handle has locked. Without a
    /// length, the range ends at the last locked page, whatever the size of the file was.
    pub fn unlock(&self, offset: u64, length: Option<u64>) {
        let page = os::page_size() as u64;
        let end = length.map_or(u64::MAX, |length| offset.saturating_add(length));
        let page_of = |byte: u64| usize::try_from(byte / page).unwrap_or(usize::MAX);
        let end = page_of(end.saturating_add(page - 1));
        if length != Some(0) {
            self.locks().remove(&(page_of(offset)..end));
        }
    }

    /// Undoes all calls of [`MappedFile::lock`].
    pub fn unlock_all(&self) {
        self.locks().held().clear();
    }
}
