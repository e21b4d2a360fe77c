//! An open file as its readers see it: a path, a length, the shared mapping, and the views' own mapping once needed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::Range;
use crate::error::{ByteRange, Error, Result};
use crate::evidence::Evidence;
use crate::locks::Locks;
use crate::mapping::Mapping;
use crate::os::{self, Errno, OpenedFor, Sizing, Stat, page_size};
use crate::registry;
use crate::views::Views;
use crate::writing::Writing;

/// A file at one moment: its length does not change. [`MappedFile::refreshed`] looks again and gives a new one.
#[derive(Debug)]
pub struct MappedFile {
    path: PathBuf,
    stat: Stat,
    /// A descriptor of its own: threads that use one at the same time get into each other's way.
    file: Arc<File>,
    sizing: Sizing,
    mapping: Arc<Mapping>,
    views: Mutex<ViewsMade>,
    locks: Arc<Locks>,
    /// In mode `r+`.
    writing: Option<Writing>,
}

/// The views' mapping once there is one, and what was advised for it before.
#[derive(Debug, Default)]
struct ViewsMade {
    made: Option<Arc<Views>>,
    at_random: bool,
}

/// How much of a range is in memory, in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Residency {
    /// Pages of the range.
    pub pages: usize,
    /// Pages in the page cache; `None` where the kernel will not tell this user the truth.
    pub resident: Option<usize>,
    /// Pages in this process's page table.
    pub mapped: usize,
    /// Bytes of a page.
    pub page_size: usize,
}

impl MappedFile {
    /// Opens and maps the file at `path`. May wait for the disk, never for the other end of a FIFO.
    ///
    /// # Errors
    /// [`Error::System`] where the kernel refuses, [`Error::NotAFile`] for what has no bytes to map.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_in_mode(path, false)
    }

    /// The same for reading and writing: mode `r+`.
    ///
    /// # Errors
    /// As [`MappedFile::open`].
    pub fn open_writable(path: &Path) -> Result<Self> {
        Self::open_in_mode(path, true)
    }

    fn open_in_mode(path: &Path, writable: bool) -> Result<Self> {
        // Looked at before it is opened: opening some devices does things.
        let stat = os::stat_path(path).map_err(|errno| Error::system(errno, "open", path))?;
        must_be_regular(&stat, path)?;
        let file = os::open(path, writable).map_err(|errno| Error::system(errno, "open", path))?;
        let sizing = os::sizing(&file);
        Self::from_file(file, sizing, path.to_owned(), writable)
    }

    /// A second descriptor for a file that the caller has open, who may close theirs at any time. Does not wait for a disk.
    ///
    /// # Errors
    /// EBADF where there is no such descriptor.
    pub fn duplicate(fd: i32) -> Result<File> {
        os::duplicate(fd).map_err(|errno| Error::system(errno, "dup", &os::path_of(fd)))
    }

    /// Maps an open file, for reading or for both.
    ///
    /// # Errors
    /// As [`MappedFile::open`]; [`Error::WrongFlags`] where it was not opened for all that the mode does.
    pub fn from_descriptor(file: File, writable: bool) -> Result<Self> {
        let path = os::path_of_file(&file);
        let flags = os::opened_for(&file).map_err(|errno| Error::system(errno, "fcntl", &path))?;
        let what = match (writable, flags) {
            (false, OpenedFor { reading: false, .. }) => {
                Some("mode 'r' needs a FileHandle that was opened for reading")
            }
            (true, OpenedFor { reading: false, .. } | OpenedFor { writing: false, .. }) => {
                Some("mode 'r+' needs a FileHandle that was opened for reading and writing ('r+')")
            }
            (true, OpenedFor { appending: true, .. }) => {
                Some("mode 'r+' needs a FileHandle without O_APPEND, which sends all writes to the end")
            }
            _ => None,
        };
        if let Some(what) = what {
            return Err(Error::WrongFlags { syscall: "mmap", path, what });
        }
        // Its position is that of the caller's descriptor.
        Self::from_file(file, Sizing::Stat, path, writable)
    }

    fn from_file(file: File, sizing: Sizing, path: PathBuf, writable: bool) -> Result<Self> {
        let stat = os::stat(&file).map_err(|errno| Error::system(errno, "fstat", &path))?;
        must_be_regular(&stat, &path)?;
        let mapping = registry::acquire(&file, &stat, &path)?;
        let writing = writable.then(Writing::default);
        let (file, views, locks) = (Arc::new(file), Mutex::default(), Arc::default());
        Ok(Self { path, stat, file, sizing, mapping, views, locks, writing })
    }

    /// Looks at the same file again: its new length, and a sound mapping of all of it. Views made before keep theirs. What
    /// was lost of what was written is forgiven.
    ///
    /// # Errors
    /// [`Error::System`] where the kernel refuses.
    pub fn refreshed(&self) -> Result<Self> {
        let stat = os::stat(&*self.file).map_err(|errno| Error::system(errno, "fstat", &self.path))?;
        self.at(stat, true)
    }

    /// The same after a write of this handle's own: what was lost is not forgiven.
    ///
    /// # Errors
    /// [`Error::System`] where the kernel refuses.
    pub fn grown(&self) -> Result<Self> {
        let stat = os::stat(&*self.file).map_err(|errno| Error::system(errno, "fstat", &self.path))?;
        self.at(stat, false)
    }

    /// The same file, of which somebody has just seen that it looks like this now.
    pub(crate) fn at(&self, stat: Stat, forgiving: bool) -> Result<Self> {
        // A file that is open for writing has been copied up already, and stays what it is.
        if self.writing.is_none() && !self.mapping.key().admits(&stat) {
            // Another file may be behind the same name and number by now.
            let file =
                os::reopen(&self.file, false).map_err(|errno| Error::system(errno, "open", &self.path))?;
            let (locks, sizing) = (Arc::clone(&self.locks), os::sizing(&file));
            let views = Mutex::new(ViewsMade { made: None, at_random: self.views_slot().at_random });
            return Ok(Self { views, locks, ..Self::from_file(file, sizing, self.path.clone(), false)? });
        }
        let mapping = if registry::serves(&self.mapping, stat.size) {
            Arc::clone(&self.mapping)
        } else {
            registry::acquire(&self.file, &stat, &self.path)?
        };
        let made = self.views_made();
        let views = made.clone().filter(|views| match &self.writing {
            None => !views.pages().is_damaged() && stat.size == self.stat.size,
            Some(_) => !(forgiving && views.pages().is_damaged()) && stat.size <= views.pages().capacity(),
        });
        let writing = self.writing.as_ref().map(|writing| {
            let replaced = if views.is_none() { made } else { None };
            writing.carried(replaced, forgiving)
        });
        let (path, file, locks) = (self.path.clone(), Arc::clone(&self.file), Arc::clone(&self.locks));
        let views = Mutex::new(ViewsMade { made: views, at_random: self.views_slot().at_random });
        Ok(Self { path, stat, file, sizing: self.sizing, mapping, views, locks, writing })
    }

    /// Whether `stat` describes this very file, and this value can still serve it.
    pub(crate) fn is(&self, stat: &Stat) -> bool {
        (self.stat.device, self.stat.inode) == (stat.device, stat.inode)
            && !self.mapping.is_damaged()
            && self.mapping.key().admits(stat)
    }

    /// Where the file was when it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file at the time of [`MappedFile::open`] or [`MappedFile::refreshed`].
    #[must_use]
    pub fn byte_length(&self) -> u64 {
        self.stat.size
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The mapping for views: made on first use. One that is copy-on-write is made anew when the one that was there is damaged;
    /// of one that writes through that would hide what was lost. Does not wait for a disk.
    ///
    /// # Errors
    /// [`Error::System`] (ENOMEM) where there is no address space for it.
    pub fn views(&self) -> Result<Arc<Views>> {
        let mut views = self.views_slot();
        let serve = |views: &&Arc<Views>| self.writing.is_some() || !views.pages().is_damaged();
        if let Some(views) = views.made.as_ref().filter(serve) {
            return Ok(Arc::clone(views));
        }
        let file = Arc::clone(&self.file);
        let fresh = Arc::new(match &self.writing {
            None => Views::copy_on_write(file, &self.stat, &self.path)?,
            Some(_) => Views::write_through(file, &self.stat, &self.path)?,
        });
        fresh.pages().expect_random(views.at_random);
        views.made = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// The mapping for views, if there is one.
    pub(crate) fn views_made(&self) -> Option<Arc<Views>> {
        self.views_slot().made.clone()
    }

    fn views_slot(&self) -> MutexGuard<'_, ViewsMade> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether views are going to be touched here and there: for the one that there is, and for those to come.
    pub(crate) fn expect_random_views(&self, at_random: bool) {
        let mut views = self.views_slot();
        views.at_random = at_random;
        if let Some(views) = &views.made {
            views.pages().expect_random(at_random);
        }
    }

    /// The mapping that reads copy from, or the one that has taken its place where it is damaged.
    pub(crate) fn sound_mapping(&self, range: Range) -> Result<Arc<Mapping>> {
        if !self.mapping.is_damaged() {
            return Ok(Arc::clone(&self.mapping));
        }
        let stat = os::stat(&*self.file).map_err(|errno| Error::system(errno, "fstat", &self.path))?;
        if stat.size < range.end() {
            return Err(self.truncated(range.offset, range.length, stat.size));
        }
        registry::acquire(&self.file, &stat, &self.path)
    }

    pub(crate) fn locks(&self) -> &Locks {
        &self.locks
    }

    pub(crate) fn written(&self) -> Option<&Writing> {
        self.writing.as_ref()
    }

    /// Copies ranges, back to back in their order, as far as that cannot wait for a disk, and checks that the file still
    /// held them. Says how many were copied: the first that may wait ends it. For the JS thread. `evidence` is what the
    /// calling thread knows of this file already.
    ///
    /// # Errors
    /// [`Error::Truncated`] where the file is shorter than a range by now.
    ///
    /// # Safety
    /// `target` has room for all of them and is no mapping of this crate; each ends within [`MappedFile::byte_length`].
    pub unsafe fn try_copy(
        &self,
        ranges: impl Iterator<Item = Range>,
        target: *mut u8,
        mut evidence: Option<&mut Evidence>,
    ) -> Result<usize> {
        let mapping = &*self.mapping;
        let (mut copied, mut at, mut last) = (0, target, Range { offset: 0, length: 0 });
        for range in ranges {
            if range.length > 0 {
                let ready = match &mut evidence {
                    Some(evidence) => evidence.covers(mapping, range.offset, range.length, self.stat.size),
                    None => mapping.is_ready(range.offset, range.length),
                };
                if mapping.is_damaged() || !ready {
                    break;
                }
                // SAFETY: passed on from the caller; the pages are there by evidence.
                unsafe { mapping.copy(range.offset, range.length, at) };
                at = at.wrapping_add(range.length);
                if range.end() > last.end() {
                    last = range;
                }
            }
            copied += 1;
        }
        if last.length == 0 {
            return Ok(copied);
        }
        if mapping.is_damaged() {
            return Ok(0);
        }
        self.must_hold(last).map(|()| copied)
    }

    /// The file holds this range at this moment. Zeros of a page that was cut in its middle show in no other way.
    fn must_hold(&self, range: Range) -> Result<()> {
        let Range { offset, length } = range;
        let size = os::size_now(&*self.file, self.sizing)
            .map_err(|errno| self.failed(errno, "statx", offset, length))?;
        if size < range.end() { Err(self.truncated(offset, length, size)) } else { Ok(()) }
    }

    /// The [`Views::id`] of the views' mapping, if touching a view of the range cannot wait for a disk. For the JS
    /// thread; `evidence` belongs to it and to the views of this file.
    ///
    /// # Errors
    /// As [`MappedFile::views`]; [`Error::Truncated`] where the file is shorter than the range by now.
    pub fn ready_views(&self, range: Range, evidence: &mut Evidence) -> Result<Option<u32>> {
        let views = self.views()?;
        if views.pages().is_damaged() {
            // Whether this range is lost takes longer to find out.
            return Ok(None);
        }
        if !evidence.covers(views.pages(), range.offset, range.length, self.stat.size) {
            return Ok(None);
        }
        self.must_hold(range).map(|()| Some(views.id()))
    }

    /// The same for a part of what is gone through in order: its pages are in the page table. In the page cache alone they may be
    /// because reading has run ahead of it, and whoever touches them there first has more reading to begin.
    ///
    /// # Errors
    /// As [`MappedFile::ready_views`].
    pub fn mapped_views(&self, range: Range) -> Result<Option<u32>> {
        let views = self.views()?;
        if views.pages().is_damaged() || !views.pages().is_mapped(range.offset, range.length) {
            return Ok(None);
        }
        self.must_hold(range).map(|()| Some(views.id()))
    }

    /// How much of a range is in memory. Does not wait for a disk, but looks at every page: for the pool.
    #[must_use]
    pub fn residency(&self, offset: u64, length: usize) -> Residency {
        let (pages, mapped, resident) =
            if length == 0 { (0, 0, Some(0)) } else { self.mapping.count(offset, length) };
        Residency { pages, resident, mapped, page_size: page_size() }
    }

    pub(crate) fn truncated(&self, offset: u64, length: usize, size: u64) -> Error {
        let range = ByteRange { start: offset, length: length as u64 };
        Error::Truncated { path: self.path.clone(), range, size }
    }

    pub(crate) fn failed(&self, errno: Errno, syscall: &'static str, offset: u64, length: usize) -> Error {
        let range = ByteRange { start: offset, length: length as u64 };
        Error::Range { errno, syscall, path: self.path.clone(), range }
    }
}

fn must_be_regular(stat: &Stat, path: &Path) -> Result<()> {
    match stat.irregular {
        Some(what) => Err(Error::NotAFile { path: path.to_owned(), what }),
        None => Ok(()),
    }
}
