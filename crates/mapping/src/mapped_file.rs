//! An open file as its readers see it: a path, a length, a backend that has the bytes, and the mapping for views.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use crate::backend::{Mapping, Source, Touchable, Views, is_touchable, was_cut};
use crate::error::{self, ByteRange, Error, Result};
use crate::in_order::InOrder;
use crate::limits::{BEGUN_AHEAD, FAULT_AROUND, GENERATED, IN_ORDER, INLINE_VIEW};
use crate::locks::Locks;
use crate::open_file::OpenFile;
use crate::os::{self, Creation, Errno, FileSystem, OpenedFor, Stat, page_size};
use crate::range::Range;
use crate::reaper::{Deferred, wait_for_closes};
use crate::shared_size::SharedSize;
use crate::writing::Writing;

/// A file at one moment: its length does not change. [`MappedFile::refreshed`] returns a new value with the current
/// length.
#[derive(Debug)]
pub struct MappedFile {
    path: PathBuf,
    stat: Stat,
    file_system: FileSystem,
    /// The only descriptor of the handle.
    file: Arc<Deferred<OpenFile>>,
    /// No other code uses this open file.
    is_own: bool,
    backend: Backend,
    views: Mutex<ViewsState>,
    /// All mappings that this handle has created for views; shared with the values that `refreshed` returns.
    all_views: Arc<Mutex<AllViews>>,
    locks: Arc<Locks>,
    /// The size that all handles of the file share; `None` where the size is meaningless, or the file is read once.
    shared_size: Option<Arc<SharedSize>>,
    in_order: Mutex<InOrder>,
    /// The end of the last read.
    last_end: AtomicU64,
    /// The start of the current run of consecutive reads.
    run_start: AtomicU64,
    /// The offset up to which sequential reading has started I/O.
    started_to: AtomicU64,
    read_ahead: OnceLock<u64>,
    /// The state of writing; `None` where the file is open for reading only.
    writing: Option<Arc<Writing>>,
}

/// The source of the bytes.
#[derive(Debug, Clone)]
enum Backend {
    /// A shared mapping: resident bytes are copied from it, and views are available.
    Mapped(Arc<Mapping>),
    /// System calls only, where the file cannot be mapped.
    Read,
    /// Memory: the kernel generated the bytes when they were read, and the size of the file was meaningless.
    InMemory(Arc<[u8]>),
}

/// The mapping for views, once it exists, and the advice for it.
#[derive(Debug, Clone)]
struct ViewsState {
    made: Option<Arc<Views>>,
    at_random: bool,
}

impl Default for ViewsState {
    /// Ranges of views have been populated. Where the kernel has evicted a page since, a touch should read that page
    /// alone, not a whole read-ahead window.
    fn default() -> Self {
        Self { made: None, at_random: true }
    }
}

/// The mappings that a handle has created for views, and whether one of them has lost bytes.
#[derive(Debug, Default)]
struct AllViews {
    made: Vec<Weak<Views>>,
    /// The [`Views::id`] of live mappings whose loss was noticed.
    damaged: Vec<u32>,
    /// A loss was noticed and is not reported yet.
    has_loss: bool,
}

impl AllViews {
    fn add(&mut self, views: &Arc<Views>) {
        self.made.retain(|views| views.strong_count() > 0);
        self.made.push(Arc::downgrade(views));
    }

    fn live(&self) -> Vec<Arc<Views>> {
        self.made.iter().filter_map(Weak::upgrade).collect()
    }

    /// Notices the losses of all mappings that live.
    fn notice_losses(&mut self) {
        let damaged: Vec<u32> =
            self.live().iter().filter(|views| views.pages().is_damaged()).map(|views| views.id()).collect();
        self.has_loss |= damaged.iter().any(|id| !self.damaged.contains(id));
        self.damaged = damaged;
    }
}

/// Our own descriptor for the caller's open file. A background thread closes it, because closing may ask a server.
#[derive(Debug)]
pub struct Duplicate(Deferred<File>);

/// How many pages of a range are in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Residency {
    /// Pages of the range.
    pub pages: usize,
    /// Pages in the page cache; `None` where `mincore` is not reliable for this user.
    pub resident: Option<usize>,
    /// Pages in this process's page table.
    pub mapped: usize,
    /// Bytes per page.
    pub page_size: usize,
}

/// The result of [`MappedFile::caught_up`].
#[derive(Debug)]
pub enum CaughtUp {
    /// The size has not changed.
    Same,
    /// The file with its current size.
    Now(Box<MappedFile>),
    /// The size has changed, but checking the file may wait for a server: call [`MappedFile::grown`] on another thread.
    Later,
}

/// The result of [`MappedFile::try_copy`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Copied {
    /// The number of copied ranges.
    pub count: usize,
    /// The reads are sequential and the next bytes are not in memory: call [`crate::begin_ahead`] on another thread.
    pub begin_ahead: bool,
}

impl MappedFile {
    /// Opens and maps the file at `path`, for reading or for reading and writing. May wait for the disk, never for the
    /// other end of a FIFO.
    ///
    /// # Errors
    /// [`Error::System`] where the kernel refuses, [`Error::NotAFile`] for a path that leads to no regular file.
    pub fn open(path: &Path, writable: bool) -> Result<Self> {
        Self::from_file(open_regular(path, writable)?, path.to_owned(), writable, true)
    }

    /// Opens and maps the file at `path` for reading and writing, and creates it if it does not exist. May wait for the
    /// disk.
    ///
    /// # Errors
    /// As [`MappedFile::open`]; EEXIST where the file must not exist.
    pub fn create(path: &Path, how: Creation) -> Result<Self> {
        // The kind is checked before the file is opened: opening some devices has side effects.
        match os::stat_path(path) {
            Ok(stat) => must_be_regular(&stat, path)?,
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(Error::system(errno, "open", path)),
        }
        let file = with_descriptors(|| os::create(path, how));
        Self::from_file(
            file.map_err(|errno| Error::system(errno, "open", path))?,
            path.to_owned(),
            true,
            true,
        )
    }

    /// A second descriptor for a file that the caller has open; the caller may close theirs at any time. Does not wait
    /// for a disk.
    ///
    /// # Errors
    /// EBADF where there is no such descriptor.
    pub fn duplicate(fd: i32) -> Result<Duplicate> {
        let file = os::duplicate(fd).map_err(|errno| Error::system(errno, "dup", &os::path_of(fd)))?;
        Ok(Duplicate(Deferred::new(file, false)))
    }

    /// Maps an open file, for reading or for reading and writing.
    ///
    /// # Errors
    /// As [`MappedFile::open`]; [`Error::WrongFlags`] where the descriptor was opened with other flags.
    pub fn from_descriptor(file: Duplicate, writable: bool) -> Result<Self> {
        let file = file.0.into_inner();
        let path = os::path_of_file(&file);
        let flags = os::opened_for(&file).map_err(|errno| Error::system(errno, "fcntl", &path))?;
        let what = match (writable, flags) {
            (false, OpenedFor { reading: false, .. }) => {
                Some("flags 'r' need a FileHandle or descriptor that was opened for reading")
            }
            (true, OpenedFor { reading: false, .. } | OpenedFor { writing: false, .. }) => Some(
                "flags 'r+' need a FileHandle or descriptor that was opened for reading and writing ('r+')",
            ),
            (true, OpenedFor { appending: true, .. }) => Some(
                "flags 'r+' need a FileHandle or descriptor without O_APPEND, because O_APPEND sends all writes to the end",
            ),
            _ => None,
        };
        if let Some(what) = what {
            return Err(Error::WrongFlags { syscall: "mmap", path, what });
        }
        Self::from_file(file, path, writable, false)
    }

    pub(crate) fn from_file(file: File, path: PathBuf, writable: bool, is_own: bool) -> Result<Self> {
        let mut stat = os::stat(&file).map_err(|errno| Error::system(errno, "fstat", &path))?;
        must_be_regular(&stat, &path)?;
        let file_system = os::file_system(&file);
        let shared_size = SharedSize::of(&stat, &file_system);
        if shared_size.size() != stat.size {
            stat = shared_size.check(&file).map_err(|errno| Error::system(errno, "fstat", &path))?;
        }
        let file = Arc::new(Deferred::new(OpenFile::new(file), file_system.local));
        let backend = Backend::of(&file, &mut stat, &file_system, writable, &path)?;
        let shared_size = if matches!(backend, Backend::InMemory(_)) { None } else { Some(shared_size) };
        Ok(Self {
            path,
            stat,
            file_system,
            file,
            is_own,
            backend,
            views: Mutex::default(),
            all_views: Arc::default(),
            locks: Arc::default(),
            shared_size,
            in_order: Mutex::default(),
            last_end: AtomicU64::new(0),
            run_start: AtomicU64::new(0),
            started_to: AtomicU64::new(0),
            read_ahead: OnceLock::new(),
            writing: writable.then(Arc::default),
        })
    }

    /// An open file that is read once, in parts: mapping it would cost more than it saves.
    pub(crate) fn to_be_read_once(file: File, stat: Stat, path: PathBuf) -> Self {
        let file_system = FileSystem::default();
        let file = Arc::new(Deferred::new(OpenFile::new(file), file_system.local));
        Self {
            path,
            stat,
            file_system,
            file,
            is_own: true,
            backend: Backend::Read,
            views: Mutex::default(),
            all_views: Arc::default(),
            locks: Arc::default(),
            shared_size: None,
            in_order: Mutex::default(),
            last_end: AtomicU64::new(0),
            run_start: AtomicU64::new(0),
            started_to: AtomicU64::new(0),
            read_ahead: OnceLock::new(),
            writing: None,
        }
    }

    /// Checks the same file again and returns it with its current length and an undamaged mapping. Existing views keep
    /// their mapping. Recorded losses of written bytes are cleared.
    ///
    /// # Errors
    /// [`Error::System`] where the kernel refuses.
    pub fn refreshed(&self) -> Result<Self> {
        self.checked_again(true, None)
    }

    /// As [`MappedFile::refreshed`], after this handle has written: recorded losses are kept.
    ///
    /// # Errors
    /// [`Error::System`] where the kernel refuses.
    pub fn grown(&self) -> Result<Self> {
        self.checked_again(false, None)
    }

    /// The file with the size that another handle of this process has set or found. For the JS thread.
    ///
    /// # Errors
    /// [`Error::System`] where the kernel refuses.
    pub fn caught_up(&self) -> Result<CaughtUp> {
        let Some(size) = self.shared_size.as_ref().map(|shared_size| shared_size.size()) else {
            return Ok(CaughtUp::Same);
        };
        if size == self.stat.size {
            return Ok(CaughtUp::Same);
        }
        if self.file_system.local {
            return self.grown().map(|file| CaughtUp::Now(Box::new(file)));
        }
        // Asking a server takes time, and so may mapping one of its files.
        match &self.backend {
            Backend::Mapped(mapping) if mapping.serves(size) => self
                .checked_again(false, Some(Stat { size, ..self.stat }))
                .map(|file| CaughtUp::Now(Box::new(file))),
            _ => Ok(CaughtUp::Later),
        }
    }

    fn checked_again(&self, clear_losses: bool, found: Option<Stat>) -> Result<Self> {
        let mut stat = match (found, &self.shared_size) {
            (Some(stat), _) => stat,
            (None, Some(shared_size)) => {
                shared_size.check(&self.file).map_err(|errno| Error::system(errno, "fstat", &self.path))?
            }
            (None, None) => self.fresh_stat()?,
        };
        let is_other = match &self.backend {
            // A file that is open for writing has already been copied to the upper layer, and does not change.
            Backend::Mapped(mapping) => {
                self.file_system.layered && self.writing.is_none() && !mapping.is_of(&stat, &self.file_system)
            }
            Backend::Read | Backend::InMemory(_) => false,
        };
        let file = if is_other {
            let file = os::reopen(self.file()).map_err(|errno| Error::system(errno, "open", &self.path))?;
            stat = os::stat(&file).map_err(|errno| Error::system(errno, "fstat", &self.path))?;
            Arc::new(Deferred::new(OpenFile::new(file), self.file_system.local))
        } else {
            Arc::clone(&self.file)
        };
        let file_system = if is_other { os::file_system(&***file) } else { self.file_system };
        let backend = match &self.backend {
            Backend::Mapped(mapping) if !is_other && mapping.serves(stat.size) => self.backend.clone(),
            _ => Backend::of(&file, &mut stat, &file_system, self.writing.is_some(), &self.path)?,
        };
        let before = self.views_slot().clone();
        self.all_views().notice_losses();
        let views = before.made.filter(|views| match &self.writing {
            None => !is_other && !views.pages().is_damaged() && stat.size == self.stat.size,
            // The last spare page stays past the end of the file: it shows whether `mincore` is reliable.
            Some(_) => !(clear_losses && views.pages().is_damaged()) && stat.size < views.pages().capacity(),
        });
        if let Some(writing) = self.writing.as_ref().filter(|_| clear_losses) {
            writing.clear_losses();
        }
        Ok(Self {
            path: self.path.clone(),
            stat,
            file_system,
            file,
            is_own: self.is_own || is_other,
            backend,
            views: Mutex::new(ViewsState { made: views, at_random: before.at_random }),
            all_views: Arc::clone(&self.all_views),
            locks: Arc::clone(&self.locks),
            shared_size: self.shared_size.clone(),
            in_order: Mutex::default(),
            last_end: AtomicU64::new(0),
            run_start: AtomicU64::new(0),
            started_to: AtomicU64::new(0),
            read_ahead: OnceLock::new(),
            writing: self.writing.clone(),
        })
    }

    /// The path of the file when it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The size of the file at the time of [`MappedFile::open`] or [`MappedFile::refreshed`].
    #[must_use]
    pub fn byte_length(&self) -> u64 {
        self.stat.size
    }

    /// Whether the file is mapped, so that views are available.
    #[must_use]
    pub fn is_mapped(&self) -> bool {
        matches!(self.backend, Backend::Mapped(_))
    }

    /// The number of the descriptor; `None` on Windows, where other code cannot use it.
    #[must_use]
    pub fn descriptor(&self) -> Option<i32> {
        #[cfg(unix)]
        return Some(std::os::fd::AsRawFd::as_raw_fd(self.file()));
        #[cfg(not(unix))]
        None
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn file_system(&self) -> &FileSystem {
        &self.file_system
    }

    pub(crate) fn mapping(&self) -> Option<&Arc<Mapping>> {
        match &self.backend {
            Backend::Mapped(mapping) => Some(mapping),
            Backend::Read | Backend::InMemory(_) => None,
        }
    }

    /// The bytes of a file that is kept in memory.
    pub(crate) fn in_memory(&self) -> Option<&[u8]> {
        match &self.backend {
            Backend::InMemory(bytes) => Some(bytes),
            Backend::Mapped(_) | Backend::Read => None,
        }
    }

    pub(crate) fn in_order(&self) -> MutexGuard<'_, InOrder> {
        self.in_order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The total length of consecutive reads up to this one, if it starts where the last one ended; the first read does
    /// so at offset 0. Concurrent reads may make the answer wrong, which only makes them slower.
    pub(crate) fn sequential_length(&self, range: Range) -> Option<u64> {
        if self.last_end.swap(range.end(), Ordering::Relaxed) != range.offset {
            self.run_start.store(range.offset, Ordering::Relaxed);
            return None;
        }
        Some(range.end().saturating_sub(self.run_start.load(Ordering::Relaxed)))
    }

    /// The bytes that one read-ahead request can start.
    pub(crate) fn read_ahead(&self) -> u64 {
        *self.read_ahead.get_or_init(|| os::read_ahead(self.stat.device))
    }

    /// The current metadata of the file. May wait for a server.
    pub(crate) fn fresh_stat(&self) -> Result<Stat> {
        os::stat(self.file()).map_err(|errno| Error::system(errno, "fstat", &self.path))
    }

    /// The mapping for views, created on first use. A damaged copy-on-write mapping is replaced by a new one. A damaged
    /// mapping that writes through is kept, because a new one would hide the losses. Does not wait for a disk.
    ///
    /// # Errors
    /// [`Error::System`] (ENOMEM) where there is no address space for it; [`Error::Unsupported`] where the file cannot
    /// be mapped.
    pub fn views(&self) -> Result<Arc<Views>> {
        if !self.is_mapped() {
            return Err(Error::Unsupported {
                what: "this file cannot be mapped, so stores to a view would not reach it; use write()",
            });
        }
        let mut views = self.views_slot();
        let serve = |views: &&Arc<Views>| self.writing.is_some() || !views.pages().is_damaged();
        if let Some(views) = views.made.as_ref().filter(serve) {
            return Ok(Arc::clone(views));
        }
        let writable = self.writing.is_some();
        let fresh = Views::new(&self.file, &self.stat, &self.file_system, writable, &self.path)?;
        if views.at_random {
            fresh.pages().expect_random(true);
        }
        let fresh = Arc::new(fresh);
        match &self.writing {
            Some(writing) => writing.add(&fresh),
            None => self.file.guards(&fresh),
        }
        let mut all = self.all_views();
        // The last reference to a damaged mapping may be the one that is replaced here.
        all.notice_losses();
        all.add(&fresh);
        drop(all);
        views.made = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// The [`Views::id`] of the current, usable mapping for views, if there is one.
    #[must_use]
    pub fn views_id(&self) -> Option<u32> {
        let views = self.views_slot();
        let serve = |views: &&Arc<Views>| self.writing.is_some() || !views.pages().is_damaged();
        views.made.as_ref().filter(serve).map(|views| views.id())
    }

    /// The live mappings that this handle has created for views.
    pub(crate) fn live_views(&self) -> Vec<Arc<Views>> {
        self.all_views().live()
    }

    /// Whether views of this handle have lost bytes since the last call: zeros replace them, or stores to them no
    /// longer reach the file.
    #[must_use]
    pub fn take_lost_views(&self) -> bool {
        let mut all = self.all_views();
        all.notice_losses();
        std::mem::take(&mut all.has_loss)
    }

    fn all_views(&self) -> MutexGuard<'_, AllViews> {
        self.all_views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writing.is_some()
    }

    fn views_slot(&self) -> MutexGuard<'_, ViewsState> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets whether views will be accessed at random: for the current mapping and for later ones.
    pub(crate) fn expect_random_views(&self, at_random: bool) {
        let mut views = self.views_slot();
        if views.at_random != at_random
            && let Some(views) = &views.made
        {
            views.pages().expect_random(at_random);
        }
        views.at_random = at_random;
    }

    /// The mapping that reads copy from, or a new one if it is damaged.
    pub(crate) fn sound_mapping(&self, range: Range) -> Result<Option<Arc<Mapping>>> {
        let Some(mapping) = self.mapping() else { return Ok(None) };
        if !mapping.is_damaged() {
            return Ok(Some(Arc::clone(mapping)));
        }
        let stat = self.fresh_stat()?;
        if stat.size < range.end() {
            return Err(self.truncated(range, stat.size));
        }
        Mapping::acquire(&self.file, &stat, &self.file_system, &self.path).map(Some)
    }

    pub(crate) fn locks(&self) -> &Locks {
        &self.locks
    }

    pub(crate) fn shared_size(&self) -> Option<&SharedSize> {
        self.shared_size.as_deref()
    }

    pub(crate) fn written(&self) -> Option<&Writing> {
        self.writing.as_deref()
    }

    /// No other code uses its open file, so its position may be moved.
    pub(crate) fn may_seek(&self) -> bool {
        self.is_own
    }

    /// Copies ranges back to back, in their order, until the first one that may wait for a disk. Returns the number of
    /// copied ranges. For the JS thread.
    ///
    /// # Errors
    /// [`Error::Truncated`] where the file is now shorter than a range.
    ///
    /// # Safety
    /// `target` has space for all ranges; each range ends within [`MappedFile::byte_length`].
    pub unsafe fn try_copy(
        &self,
        ranges: impl ExactSizeIterator<Item = Range> + Clone,
        target: *mut u8,
    ) -> Result<Copied> {
        if let Some(bytes) = self.in_memory() {
            let (count, mut at) = (ranges.len(), target);
            for range in ranges {
                #[expect(clippy::cast_possible_truncation, reason = "within a length that is a usize")]
                let source = bytes[range.offset as usize..range.end() as usize].as_ptr();
                // SAFETY: the slice has this many bytes, and the caller vouches for the target.
                unsafe { std::ptr::copy_nonoverlapping(source, at, range.length) };
                at = at.wrapping_add(range.length);
            }
            return Ok(Copied { count, begin_ahead: false });
        }
        let Some(source) = Source::of(self) else { return Ok(Copied::default()) };
        // SAFETY: passed on from the caller.
        let count = unsafe { source.copy(ranges.clone(), target) }?;
        let begin_ahead = enclosing_range(ranges.take(count)).is_some_and(|all| {
            let is_in_order = self.sequential_length(all).is_some_and(|length| length >= IN_ORDER);
            let ahead = (all.end() + BEGUN_AHEAD).min(self.stat.size);
            is_in_order && ahead > self.started_to.load(Ordering::Relaxed) && source.lacks(ahead - 1)
        });
        Ok(Copied { count, begin_ahead })
    }

    /// Records that sequential reading has started I/O up to here.
    pub(crate) fn set_started_to(&self, end: u64) {
        self.started_to.store(end, Ordering::Relaxed);
    }

    /// The [`Views::id`] of the mapping for views, if touching a view of the range cannot wait for a disk. A short
    /// range that is only in the page cache is mapped here, as its first touch would do. For the JS thread.
    ///
    /// # Errors
    /// As [`MappedFile::views`]; [`Error::Truncated`] where the file is now shorter than the range.
    pub fn ready_views(&self, range: Range) -> Result<Option<u32>> {
        let is_ready = |views: &Views| {
            range.length <= INLINE_VIEW
                && match is_touchable(views.pages(), range.offset, range.length) {
                    Some(Touchable::Cached) if range.length <= FAULT_AROUND => {
                        views.pages().populate(range.offset, range.length).is_ok()
                    }
                    outcome => outcome.is_some(),
                }
        };
        self.views_if(range, is_ready)
    }

    /// As [`MappedFile::ready_views`], only for ranges in the page table. Pages that are only in the page cache cost
    /// page faults. In a sequential reading, read-ahead may have brought them in, and the first touch has to start more
    /// of it.
    ///
    /// # Errors
    /// As [`MappedFile::ready_views`].
    pub fn mapped_views(&self, range: Range) -> Result<Option<u32>> {
        let is_ready = |views: &Views| {
            range.length <= INLINE_VIEW && views.pages().is_mapped(range.offset, range.length)
        };
        self.views_if(range, is_ready)
    }

    /// Checks a view that was handed out, or is about to be: false where the guard has replaced bytes of it by zeros,
    /// which stay even where the file has grown again. `address` is where the view begins. Memory that is no view, such
    /// as a copy, is never replaced. For the JS thread.
    ///
    /// # Errors
    /// [`Error::Truncated`] where the file is now shorter than the range.
    pub fn check_view(&self, range: Range, address: *const u8) -> Result<bool> {
        if range.length > 0 && self.stat.size < range.end() {
            return Err(self.truncated(range, self.stat.size));
        }
        if let Some(source) = Source::of(self) {
            // On a layered file system, the views stay those of the file that was opened.
            _ = source.still_holds(range)?;
        }
        Ok(!was_cut(address, range.length))
    }

    fn views_if(&self, range: Range, is_ready: impl FnOnce(&Views) -> bool) -> Result<Option<u32>> {
        let Some(source) = Source::of(self) else { return Ok(None) };
        // Mapping a file may ask the server that it lies on.
        let made = if self.file_system.local { Some(self.views()?) } else { self.views_slot().made.clone() };
        let Some(views) = made else { return Ok(None) };
        // Checking whether this range of a damaged mapping is lost takes too long here.
        if views.pages().is_damaged() || !is_ready(&views) {
            return Ok(None);
        }
        Ok(source.still_holds(range)?.then(|| views.id()))
    }

    /// How many pages of a range are in memory. Never waits.
    #[must_use]
    pub fn residency(&self, range: Range) -> Residency {
        let page_size = page_size();
        let (pages, mapped, resident) = match self.mapping() {
            _ if range.length == 0 => (0, 0, Some(0)),
            Some(mapping) => mapping.count(range.offset, range.length),
            None => {
                let first = range.offset / page_size as u64;
                let pages = range.end().div_ceil(page_size as u64) - first;
                (usize::try_from(pages).unwrap_or(usize::MAX), 0, None)
            }
        };
        Residency { pages, resident, mapped, page_size }
    }

    pub(crate) fn truncated(&self, range: Range, size: u64) -> Error {
        Error::Truncated { path: self.path.clone(), range: range.into(), size }
    }

    /// The error of a read that found no bytes at an offset: the file may end well before it.
    pub(crate) fn ended(&self, range: Range, at: u64) -> Error {
        self.fresh_stat().map_or_else(|error| error, |stat| self.truncated(range, stat.size.min(at)))
    }

    pub(crate) fn failed(&self, errno: Errno, syscall: &'static str, range: Range) -> Error {
        Error::Range { errno, syscall, path: self.path.clone(), range: ByteRange::from(range) }
    }
}

impl Backend {
    /// The best backend for this file. Files whose size is meaningless are read here, and `stat` gets their real
    /// length.
    fn of(
        file: &File,
        stat: &mut Stat,
        file_system: &FileSystem,
        writable: bool,
        path: &Path,
    ) -> Result<Self> {
        if file_system.generated && writable {
            return Err(Error::NotAFile { path: path.to_owned(), what: error::GENERATED });
        }
        if file_system.generated || stat.size == 0 {
            let bytes = read_to_the_end(file, path)?;
            if !writable && (file_system.generated || !bytes.is_empty()) {
                stat.size = bytes.len() as u64;
                return Ok(Self::InMemory(bytes.into()));
            }
        }
        match Mapping::acquire(file, stat, file_system, path) {
            Ok(mapping) => Ok(Self::Mapped(mapping)),
            // The errors of file systems whose files cannot be mapped, and of platforms without mappings.
            Err(Error::System { errno: Errno::NODEV | Errno::OPNOTSUPP, .. }) => Ok(Self::Read),
            Err(error) => Err(error),
        }
    }
}

/// Reads all bytes of a file whose size does not say how many there are.
pub(crate) fn read_to_the_end(file: &File, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = vec![0; 64 << 10];
    let mut filled = 0;
    loop {
        let count = os::read_at(file, &mut bytes[filled..], filled as u64)
            .map_err(|errno| Error::system(errno, "read", path))?;
        filled += count;
        if filled < bytes.len() {
            bytes.truncate(filled);
            return Ok(bytes);
        }
        if filled >= GENERATED {
            let what = "a file of unknown size with more than 64 MiB";
            return Err(Error::NotAFile { path: path.to_owned(), what });
        }
        bytes.resize(2 * filled, 0);
    }
}

/// Opens a regular file. If the process has no free descriptor, waits until dropped files are closed.
pub(crate) fn open_regular(path: &Path, writable: bool) -> Result<File> {
    // The kind is checked before the file is opened: opening some devices has side effects.
    let stat = os::stat_path(path).map_err(|errno| Error::system(errno, "open", path))?;
    must_be_regular(&stat, path)?;
    with_descriptors(|| os::open(path, writable)).map_err(|errno| Error::system(errno, "open", path))
}

/// Tries once more where the process has no free descriptor, after dropped files are closed.
pub(crate) fn with_descriptors<T>(
    open: impl Fn() -> std::result::Result<T, Errno>,
) -> std::result::Result<T, Errno> {
    match open() {
        Err(Errno::MFILE | Errno::NFILE) => {
            wait_for_closes();
            open()
        }
        opened => opened,
    }
}

pub(crate) fn must_be_regular(stat: &Stat, path: &Path) -> Result<()> {
    match stat.irregular {
        Some(what) => Err(Error::NotAFile { path: path.to_owned(), what }),
        None => Ok(()),
    }
}

/// From the start of the first range to the end of the last one. The result is arbitrary for ranges that are not in
/// order.
fn enclosing_range(mut ranges: impl Iterator<Item = Range>) -> Option<Range> {
    let first = ranges.next()?;
    let end = ranges.last().unwrap_or(first).end();
    let length = usize::try_from(end.saturating_sub(first.offset)).ok()?;
    Some(Range { offset: first.offset, length })
}
