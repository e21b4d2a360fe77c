//! Random scenes on one thread: files, handles, views and paths are used and truncated, and compared with a model that
//! holds the bytes of each file in a `Vec`. The comparison covers bytes, errors, and the sizes in errors.
//!
//! A scene is generated from bytes: `tests/against_model.rs` takes them from seeds, and `fuzz/` from `libFuzzer`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arbitrary::Unstructured;
use faultless_mapping::{
    Advice, Copied, Error, LockLimit, MappedFile, PathOutcome, PathRange, Purpose, Range, Target, Views,
    page_size, populate_ranges, read_paths, read_ranges, release_paths, try_read_path,
};
use rustix::fs::FallocateFlags;
use tempfile::TempDir;

/// Counts operations that may be refused, to detect a core that refuses everything.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// Synchronous copies.
    pub(crate) copies: usize,
    /// Synchronous copies by path.
    pub(crate) path_copies: usize,
    /// Views that were reported as ready.
    pub(crate) ready: usize,
    /// Pages of views that were lost by a truncation.
    pub(crate) losses: usize,
}

type Choice<T> = arbitrary::Result<T>;

/// The expected content of a file.
struct Disk {
    bytes: Vec<u8>,
    file: File,
    /// The length never changed, and no handle with locks was dropped: then the locked pages are known.
    steady: bool,
    /// The smallest length so far: pages past it may have been replaced in mappings, and are no longer locked.
    shortest: usize,
}

/// A mapping for views, which lives as long as the scene.
struct Mapped {
    views: Arc<Views>,
    disk: usize,
    through: bool,
    /// Pages that no longer belong to the file.
    private: BTreeMap<usize, Vec<u8>>,
    /// From this page on, zeros replace the file; stores go to them.
    lost_from: Option<usize>,
}

struct Handle {
    file: MappedFile,
    disk: usize,
    writable: bool,
    /// Handles that come from one another by a refresh share a line.
    line: usize,
    locked: BTreeMap<usize, u32>,
}

struct Scene<'bytes, 'done> {
    choices: Unstructured<'bytes>,
    done: &'done mut Done,
    folder: TempDir,
    in_memory: bool,
    disks: Vec<Disk>,
    /// The current file at each path.
    paths: [usize; PATHS],
    handles: Vec<Handle>,
    mapped: BTreeMap<u32, Mapped>,
    /// The write-through mappings that a flush of each line covers.
    lines: Vec<Vec<u32>>,
    stamp: u8,
}

const PATHS: usize = 2;
const HANDLES: usize = 4;
const IDLE: Duration = Duration::from_secs(600);

/// Runs the scene that these bytes describe.
pub(crate) fn play(bytes: &[u8], done: &mut Done) {
    let mut choices = Unstructured::new(bytes);
    // A file in memory has no disk to wait for, uses other copy methods, and has holes that take memory.
    let in_memory = Path::new("/dev/shm").is_dir() && choices.ratio(1, 3).unwrap_or(false);
    let folder = if in_memory { tempfile::tempdir_in("/dev/shm") } else { tempfile::tempdir() }.unwrap();
    let mut scene = Scene {
        choices,
        done,
        folder,
        in_memory,
        disks: Vec::new(),
        paths: [0; PATHS],
        handles: Vec::new(),
        mapped: BTreeMap::new(),
        lines: Vec::new(),
        stamp: 0,
    };
    // The scene ends when the bytes run out.
    _ = scene.begin().and_then(|()| scene.go_on());
    scene.end();
}

impl Scene<'_, '_> {
    fn begin(&mut self) -> Choice<()> {
        (0..PATHS).try_for_each(|path| self.replace(path))
    }

    fn go_on(&mut self) -> Choice<()> {
        while !self.choices.is_empty() {
            match self.below(26)? {
                0 => self.open()?,
                1 => self.change_length()?,
                2 => self.write_from_outside()?,
                3 => self.punch()?,
                4 => self.replace_a_path()?,
                5 => self.read_by_path()?,
                6 => self.try_to_read_a_path()?,
                7 => self.release()?,
                other if self.handles.is_empty() => drop((other, self.open()?)),
                8 | 9 => self.read()?,
                10 | 11 => self.try_to_copy()?,
                12 => self.copy_into_the_file()?,
                13 => self.populate()?,
                14 | 15 => self.touch_views()?,
                16 => self.store_to_views()?,
                17 => self.ask_for_views()?,
                18 => self.write()?,
                19 => self.flush()?,
                20 => self.look_again()?,
                21..24 => self.lock_or_unlock()?,
                24 => self.advise_and_count()?,
                _ => self.close()?,
            }
        }
        Ok(())
    }

    /// Drops everything, and checks that no page stays locked.
    fn end(self) {
        release_paths(None);
        let had_locks = self.handles.iter().any(|handle| !handle.locked.is_empty());
        self.handles.iter().for_each(|handle| handle.file.unlock_all());
        drop(self);
        // A background thread unlocks the pages of closed handles.
        let patience = Instant::now() + Duration::from_secs(20);
        while locked_pages() > 0 {
            assert!(
                Instant::now() < patience,
                "pages stay locked; handles had locks at the end: {had_locks}"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn below(&mut self, limit: usize) -> Choice<usize> {
        self.choices.int_in_range(0..=limit - 1)
    }

    fn chance(&mut self) -> Choice<bool> {
        Ok(self.below(2)? == 1)
    }

    /// A number up to `max_bytes`, often at a boundary.
    fn edge(&mut self, max_bytes: usize) -> Choice<usize> {
        let at = match self.below(5)? {
            0 => self.choices.int_in_range(0..=max_bytes)?,
            1 => self.below(8)? * page_size() + self.below(3)?,
            2 => max_bytes.saturating_sub(self.below(3)?),
            3 => [16 << 10, 512 << 10, 1 << 20, 2 << 20][self.below(4)?] + self.below(3)?,
            _ => self.below(3)?,
        };
        Ok(at.saturating_sub(1).min(max_bytes))
    }

    fn size(&mut self) -> Choice<usize> {
        let max_bytes = [4 * page_size(), 40 * page_size(), 5 << 19][self.below(3)?];
        self.edge(max_bytes)
    }

    fn range(&mut self, within: usize) -> Choice<Range> {
        let (one, other) = (self.edge(within)?, self.edge(within)?);
        Ok(Range { offset: one.min(other) as u64, length: one.abs_diff(other) })
    }

    fn ranges(&mut self, within: usize) -> Choice<Vec<Range>> {
        let count = self.below(4)?;
        (0..count).map(|_| self.range(within)).collect()
    }

    fn fresh_bytes(&mut self, length: usize) -> Vec<u8> {
        self.stamp = self.stamp.wrapping_add(41);
        // The bytes include zeros, also at page ends.
        let mut pattern: Vec<u8> = (0..251).collect();
        pattern.rotate_left(usize::from(self.stamp % 251));
        let mut bytes = pattern.repeat(length / pattern.len() + 1);
        bytes.truncate(length);
        bytes
    }

    fn path_of(&self, path: usize) -> PathBuf {
        self.folder.path().join(path.to_string())
    }

    fn any_handle(&mut self) -> Choice<usize> {
        self.below(self.handles.len())
    }

    fn length_of(&self, handle: usize) -> usize {
        self.handles[handle].file.byte_length() as usize
    }

    fn on_disk(&self, handle: usize) -> &[u8] {
        &self.disks[self.handles[handle].disk].bytes
    }

    // Changes from outside.

    fn replace(&mut self, path: usize) -> Choice<()> {
        let length = self.size()?;
        let bytes = self.fresh_bytes(length);
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, &bytes).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&fresh).unwrap();
        fs::rename(&fresh, self.path_of(path)).unwrap();
        self.disks.push(Disk { bytes, file, steady: true, shortest: length });
        self.paths[path] = self.disks.len() - 1;
        Ok(())
    }

    fn replace_a_path(&mut self) -> Choice<()> {
        let path = self.below(PATHS)?;
        self.replace(path)
    }

    fn any_disk(&mut self) -> Choice<usize> {
        self.below(self.disks.len())
    }

    fn change_length(&mut self) -> Choice<()> {
        let (disk, length) = (self.any_disk()?, self.size()?);
        self.disks[disk].file.set_len(length as u64).unwrap();
        self.resized(disk, length);
        Ok(())
    }

    fn resized(&mut self, disk: usize, length: usize) {
        let Disk { bytes, steady, shortest, .. } = &mut self.disks[disk];
        *steady &= bytes.len() == length;
        *shortest = length.min(*shortest);
        bytes.resize(length, 0);
        let first_gone = length.div_ceil(page_size());
        for mapped in self.mapped.values_mut().filter(|mapped| mapped.disk == disk) {
            let kept = mapped.lost_from.unwrap_or(usize::MAX);
            mapped.private.retain(|&page, _| page < first_gone || page >= kept);
        }
    }

    fn write_from_outside(&mut self) -> Choice<()> {
        let disk = self.any_disk()?;
        let range = self.range(self.disks[disk].bytes.len() + 3 * page_size())?;
        let bytes = self.fresh_bytes(range.length);
        self.disks[disk].file.write_all_at(&bytes, range.offset).unwrap();
        self.written(disk, range.offset as usize, &bytes);
        Ok(())
    }

    fn written(&mut self, disk: usize, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.disks[disk].bytes.len() {
            self.resized(disk, end);
        }
        self.disks[disk].bytes[offset..end].copy_from_slice(bytes);
    }

    fn punch(&mut self) -> Choice<()> {
        let disk = self.any_disk()?;
        let range = self.range(self.disks[disk].bytes.len())?;
        if range.length > 0 {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let Disk { bytes, file, .. } = &mut self.disks[disk];
            // A file system without holes changes nothing.
            if rustix::fs::fallocate(&*file, flags, range.offset, range.length as u64).is_ok() {
                bytes[span(range)].fill(0);
            }
        }
        Ok(())
    }

    // Handles.

    fn open(&mut self) -> Choice<()> {
        if self.handles.len() == HANDLES {
            return self.close();
        }
        let (path, writable, by_descriptor) = (self.below(PATHS)?, self.chance()?, self.chance()?);
        let disk = self.paths[path];
        let file = if by_descriptor {
            let copy = MappedFile::duplicate(self.disks[disk].file.as_raw_fd()).unwrap();
            MappedFile::from_descriptor(copy, writable)
        } else {
            MappedFile::open(&self.path_of(path), writable)
        };
        let file = file.unwrap();
        assert_eq!(file.byte_length() as usize, self.disks[disk].bytes.len());
        assert!(file.is_mapped());
        self.lines.push(Vec::new());
        let line = self.lines.len() - 1;
        self.handles.push(Handle { file, disk, writable, line, locked: BTreeMap::new() });
        Ok(())
    }

    fn close(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let Handle { disk, locked, .. } = self.handles.swap_remove(handle);
        // A background thread unlocks them later.
        self.disks[disk].steady &= locked.is_empty();
        Ok(())
    }

    fn look_again(&mut self) -> Choice<()> {
        let (handle, clear_losses) = (self.any_handle()?, self.chance()?);
        let Handle { file, disk, line, .. } = &mut self.handles[handle];
        *file = if clear_losses { file.refreshed() } else { file.grown() }.unwrap();
        assert_eq!(file.byte_length() as usize, self.disks[*disk].bytes.len());
        if clear_losses {
            let mapped = &self.mapped;
            self.lines[*line].retain(|id| mapped[id].lost_from.is_none());
        }
        Ok(())
    }

    fn read(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let ranges = self.ranges(self.length_of(handle))?;
        let (unwanted, together, fresh) = (self.below(8)?, self.chance()?, self.chance()?);
        let mut parts: Vec<Vec<u8>> = if together {
            vec![vec![1; ranges.iter().map(|range| range.length).sum()]]
        } else {
            ranges.iter().map(|range| vec![1; range.length]).collect()
        };
        let mut target = Target::new(parts.iter_mut().map(Vec::as_mut_slice), fresh);
        let failures =
            read_ranges(&self.handles[handle].file, &ranges, &mut target, |index| index != unwanted);
        let (all, on_disk) = (parts.concat(), self.on_disk(handle));
        let mut at = 0;
        for (index, &range) in ranges.iter().enumerate() {
            let copy = &all[at..at + range.length];
            at += range.length;
            let mut failed = failures.iter().filter(|(failed, _)| *failed == index).map(|(_, error)| error);
            match failed.next() {
                _ if range.length == 0 => assert!(!failures.iter().any(|(failed, _)| *failed == index)),
                Some(Error::Cancelled) => assert_eq!(index, unwanted),
                Some(error) => must_be_cut(error, range, on_disk.len()),
                None => assert!(index != unwanted && on_disk.get(span(range)) == Some(copy), "{range:?}"),
            }
            assert!(failed.next().is_none(), "more than one failure per range: {failures:?}");
        }
        Ok(())
    }

    fn try_to_copy(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let ranges = self.ranges(self.length_of(handle))?;
        let mut target = vec![1; ranges.iter().map(|range| range.length).sum()];
        // SAFETY: the target has space for all of them, and they end within the file.
        let copied =
            unsafe { self.handles[handle].file.try_copy(ranges.iter().copied(), target.as_mut_ptr()) };
        let on_disk = self.on_disk(handle);
        match copied {
            Ok(Copied { count, .. }) => {
                let mut at = 0;
                for &range in &ranges[..count] {
                    let copy = &target[at..at + range.length];
                    assert!(copy.is_empty() || on_disk.get(span(range)) == Some(copy), "{range:?}");
                    at += range.length;
                }
                self.done.copies += count;
            }
            Err(error) => must_be_cut_among(&error, &ranges, on_disk.len()),
        }
        Ok(())
    }

    /// Copies to a view that writes through to the same file, where source and target may overlap.
    fn copy_into_the_file(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        if !self.handles[handle].writable {
            return Ok(());
        }
        let length = self.length_of(handle).min(self.on_disk(handle).len());
        let range = self.range(length)?;
        let to = self.edge(length - range.length)?;
        let id = self.views_of(handle);
        let mapped = &self.mapped[&id];
        if mapped.lost_from.is_some() || range.length == 0 {
            return Ok(());
        }
        let target = mapped.views.address_of(to as u64);
        // SAFETY: the target lies within the file and its mapping, which lives.
        let copied = unsafe { self.handles[handle].file.try_copy(std::iter::once(range), target) };
        let disk = self.handles[handle].disk;
        if copied.unwrap().count == 1 {
            self.disks[disk].bytes.copy_within(span(range), to);
            self.done.copies += 1;
        }
        let mut now = vec![0; length];
        self.disks[disk].file.read_exact_at(&mut now, 0).unwrap();
        assert!(now == self.disks[disk].bytes[..length], "{range:?} to {to}");
        Ok(())
    }

    fn populate(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let ranges = self.ranges(self.length_of(handle))?;
        let purpose = [Purpose::Copies, Purpose::Views, Purpose::ViewsInOrder][self.below(3)?];
        let Handle { file, writable, .. } = &self.handles[handle];
        let failures = populate_ranges(file, &ranges, purpose, |_| true).unwrap();
        let for_views = purpose != Purpose::Copies;
        let may_be_lost = *writable && for_views;
        let id = self.views_of(handle);
        let lost_from = if may_be_lost { self.mapped[&id].lost_from } else { None };
        let size = self.on_disk(handle).len();
        for (index, &range) in ranges.iter().enumerate() {
            let failed: Vec<_> = failures.iter().filter(|(failed, _)| *failed == index).collect();
            assert!(failed.len() <= 1, "{failures:?}");
            match failed.first().map(|(_, error)| error) {
                None => assert!(!is_cut(range, size) && !is_lost(lost_from, range)),
                Some(Error::Hole) => assert!(self.in_memory && for_views, "{range:?}"),
                Some(Error::Lost { .. }) => assert!(is_lost(lost_from, range), "{range:?} {lost_from:?}"),
                Some(error) => must_be_cut(error, range, size),
            }
        }
        Ok(())
    }

    // Views.

    /// The mapping behind the views of a handle, by its number.
    fn views_of(&mut self, handle: usize) -> u32 {
        let Handle { file, disk, writable, line, .. } = &self.handles[handle];
        let views = file.views().unwrap();
        let id = views.id();
        let fresh =
            Mapped { views, disk: *disk, through: *writable, private: BTreeMap::new(), lost_from: None };
        let mapped = self.mapped.entry(id).or_insert(fresh);
        assert_eq!((mapped.disk, mapped.through), (*disk, *writable));
        assert!(*writable || mapped.lost_from.is_none(), "a damaged mapping is handed out again");
        if *writable && !self.lines[*line].contains(&id) {
            self.lines[*line].push(id);
        }
        id
    }

    /// Reads bytes of a view, also past the end of a truncated file.
    fn touch_views(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let (range, id) = (self.range(self.length_of(handle))?, self.views_of(handle));
        if range.length > 0 {
            let Range { offset, length } = range;
            for at in [offset, offset + length as u64 / 2, offset + length as u64 - 1] {
                self.look_at(id, at as usize);
            }
        }
        Ok(())
    }

    fn look_at(&mut self, id: u32, at: usize) {
        let expected = self.reached(id, at);
        let Mapped { views, private, disk, .. } = &self.mapped[&id];
        // SAFETY: an address of a mapping that lives; the guard is installed.
        let found = unsafe { views.address_of(at as u64).read_volatile() };
        assert_eq!(found, expected, "at {at} of {}: {:?}", self.disks[*disk].bytes.len(), private.keys());
    }

    /// The byte that a touch returns. A touch past the end of the file replaces the rest of the mapping.
    fn reached(&mut self, id: u32, at: usize) -> u8 {
        let Some(mapped) = self.mapped.get_mut(&id) else { unreachable!("entered by views_of") };
        let (page, bytes) = (at / page_size(), &self.disks[mapped.disk].bytes);
        if let Some(private) = mapped.private.get(&page) {
            return private[at % page_size()];
        }
        if mapped.lost_from.is_none_or(|lost| page < lost) {
            if page * page_size() < bytes.len() {
                return bytes.get(at).copied().unwrap_or(0);
            }
            mapped.lost_from = Some(page);
            mapped.private.retain(|&private, _| private < page);
            self.done.losses += 1;
        }
        0
    }

    fn store_to_views(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let length = self.length_of(handle);
        if length == 0 {
            return Ok(());
        }
        let (at, value, id) = (self.edge(length - 1)?, self.choices.arbitrary()?, self.views_of(handle));
        let (page, size) = (at / page_size(), self.on_disk(handle).len());
        let mapped = &self.mapped[&id];
        let is_files =
            mapped.through && mapped.lost_from.is_none_or(|lost| page < lost) && page * page_size() < size;
        if is_files && at >= size {
            // A store to the rest of the last page has no defined effect.
            return Ok(());
        }
        self.reached(id, at);
        let Some(mapped) = self.mapped.get_mut(&id) else { unreachable!("entered by views_of") };
        // SAFETY: an address of a mapping that lives, and may be written; the guard is installed.
        unsafe { mapped.views.address_of(at as u64).write_volatile(value) };
        let bytes = &mut self.disks[mapped.disk].bytes;
        if is_files {
            bytes[at] = value;
        } else {
            let is_lost = mapped.lost_from.is_some_and(|lost| page >= lost);
            let start = page * page_size();
            let private = mapped.private.entry(page).or_insert_with(|| {
                let of_file = bytes.iter().skip(start).take(if is_lost { 0 } else { page_size() });
                let mut copy: Vec<u8> = of_file.copied().collect();
                copy.resize(page_size(), 0);
                copy
            });
            private[at % page_size()] = value;
        }
        self.look_at(id, at);
        Ok(())
    }

    fn ask_for_views(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let (range, mapped) = (self.range(self.length_of(handle))?, self.chance()?);
        let Handle { file, .. } = &self.handles[handle];
        let ready = if mapped { file.mapped_views(range) } else { file.ready_views(range) };
        let size = self.on_disk(handle).len();
        match ready {
            Ok(None) => {}
            Ok(Some(id)) => {
                assert!(!is_cut(range, size), "{range:?}");
                assert_eq!(self.views_of(handle), id);
                assert!(self.mapped[&id].lost_from.is_none());
                self.done.ready += 1;
            }
            Err(error) => must_be_cut(&error, range, size),
        }
        Ok(())
    }

    // Flags r+.

    fn write(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let range = self.range(self.length_of(handle) + 2 * page_size())?;
        let bytes = self.fresh_bytes(range.length);
        let Handle { file, disk, writable, .. } = &self.handles[handle];
        match file.write(&bytes, range.offset) {
            Ok(()) => {
                assert!(*writable);
                self.written(*disk, range.offset as usize, &bytes);
            }
            Err(error) => assert!(!writable && matches!(error, Error::ReadOnly { .. }), "{error:?}"),
        }
        Ok(())
    }

    fn flush(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let range = self.range(self.length_of(handle))?;
        let Handle { file, line, writable, .. } = &self.handles[handle];
        let is_cut = is_cut(range, self.on_disk(handle).len());
        let is_lost = self.lines[*line].iter().any(|id| is_lost(self.mapped[id].lost_from, range));
        match file.flush(range) {
            Ok(()) => assert!(*writable && !is_cut && !is_lost, "{range:?} {is_cut} {is_lost}"),
            Err(Error::ReadOnly { .. }) => assert!(!writable),
            Err(Error::Lost { errno: None, range: bytes, .. }) => {
                assert!(*writable && (is_cut || is_lost), "{range:?}");
                must_lie_within(bytes, range);
            }
            Err(error) => panic!("{error:?}"),
        }
        Ok(())
    }

    // Residency.

    fn lock_or_unlock(&mut self) -> Choice<()> {
        let handle = self.any_handle()?;
        let (range, what) = (self.range(self.length_of(handle))?, self.below(5)?);
        let size = self.on_disk(handle).len();
        let Handle { file, locked, .. } = &mut self.handles[handle];
        let pages = range.offset as usize / page_size()..span(range).end.div_ceil(page_size());
        match what {
            0..3 => match file.lock(range) {
                Ok(()) if range.length == 0 => {}
                Ok(()) => {
                    assert!(!is_cut(range, size) && locked_pages() >= pages.len());
                    pages.for_each(|page| *locked.entry(page).or_default() += 1);
                }
                // The machine allows hardly any locked memory.
                Err(Error::Lock { limit: LockLimit::Process(0..0x400_0000), .. }) => {}
                Err(error) => must_be_cut(&error, range, size),
            },
            3 => {
                let length = if range.offset % 2 == 0 { Some(range.length as u64) } else { None };
                file.unlock(range.offset, length);
                let end = if length.is_none() { usize::MAX } else { pages.end };
                let end = if length == Some(0) { pages.start } else { end };
                for count in locked.range_mut(pages.start..end).map(|(_, count)| count) {
                    *count -= 1;
                }
                locked.retain(|_, count| *count > 0);
            }
            _ => {
                file.unlock_all();
                locked.clear();
            }
        }
        self.count_locked();
        Ok(())
    }

    /// Compares the locked pages with the expected ones, as long as no mapping may have been replaced: truncated pages
    /// are unlocked once a copy has met them, which depends on remembered answers.
    fn count_locked(&self) {
        let of_disk = |disk: usize| {
            let end = self.disks[disk].shortest.div_ceil(page_size());
            let handles = self.handles.iter().filter(move |handle| handle.disk == disk);
            let pages: BTreeSet<_> =
                handles.flat_map(|handle| handle.locked.range(..end).map(|(page, _)| page)).collect();
            pages.len()
        };
        let (locked, wanted) = (locked_pages(), (0..self.disks.len()).map(of_disk).sum::<usize>());
        if self.disks.iter().all(|disk| disk.steady) {
            assert_eq!(locked, wanted);
        }
    }

    fn advise_and_count(&mut self) -> Choice<()> {
        const ADVICE: [Advice; 5] =
            [Advice::Normal, Advice::Random, Advice::Sequential, Advice::WillNeed, Advice::DontNeed];
        let handle = self.any_handle()?;
        let (range, advice) = (self.range(self.length_of(handle))?, ADVICE[self.below(ADVICE.len())?]);
        let Handle { file, .. } = &self.handles[handle];
        file.advise(range, advice).unwrap();
        let found = file.residency(range);
        let pages = span(range).end.div_ceil(page_size()) - range.offset as usize / page_size();
        assert_eq!(found.pages, if range.length == 0 { 0 } else { pages });
        assert!(found.mapped <= found.pages && found.resident.is_none_or(|pages| pages <= found.pages));
        Ok(())
    }

    // Paths.

    fn read_by_path(&mut self) -> Choice<()> {
        let count = self.below(5)?;
        let (max_bytes, max_total) = (self.size()?, self.size()?);
        let unwanted = self.below(8)?;
        let mut asked = Vec::new();
        for _ in 0..count {
            // One number more than there are paths: no file exists there.
            let path = self.below(PATHS + 1)?;
            let offset = self.edge(5 << 19)? as u64;
            let length = if self.chance()? { Some(self.size()? as u64) } else { None };
            asked.push((path, PathRange { path: self.path_of(path), offset, length }));
        }
        let (places, asked): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
        let done = read_paths(&asked, IDLE, max_bytes, max_total, |index| index != unwanted);
        assert!(done.outcomes.len() == count || done.bytes.len() >= max_total);
        let mut end = 0;
        for (index, (outcome, one)) in done.outcomes.iter().zip(&asked).enumerate() {
            assert!(end < max_total, "the file should not have been started");
            let on_disk = self.paths.get(places[index]).map(|&disk| &self.disks[disk].bytes);
            let expected = on_disk.map(|bytes| part_of(bytes, one.offset, one.length));
            match outcome {
                PathOutcome::Bytes(bytes) => {
                    assert!(bytes.start >= end && bytes.start.is_multiple_of(8));
                    assert!(bytes.len() <= max_bytes && done.bytes[bytes.clone()] == *expected.unwrap());
                    end = bytes.end;
                }
                PathOutcome::TooMany(file) => {
                    assert!(expected.is_some_and(|bytes| bytes.len() > max_bytes));
                    assert_eq!(file.byte_length() as usize, on_disk.unwrap().len());
                }
                PathOutcome::Failed(Error::Cancelled) => assert_eq!(index, unwanted),
                PathOutcome::Failed(Error::System { syscall: "open", .. }) => assert!(on_disk.is_none()),
                PathOutcome::Failed(error) => panic!("{error:?}"),
            }
        }
        Ok(())
    }

    fn try_to_read_a_path(&mut self) -> Choice<()> {
        let (path, offset, length) = (self.below(PATHS)?, self.edge(5 << 19)?, self.size()?);
        let mut target = vec![1; length];
        let at = self.path_of(path);
        // SAFETY: the target has space for as many bytes.
        let count = unsafe { try_read_path(&at, IDLE, offset as u64, length, target.as_mut_ptr()) };
        if let Some(count) = count.unwrap() {
            let bytes = &self.disks[self.paths[path]].bytes;
            assert!(target[..count] == *part_of(bytes, offset as u64, Some(length as u64)));
            self.done.path_copies += 1;
        }
        Ok(())
    }

    fn release(&mut self) -> Choice<()> {
        let path = self.below(PATHS + 1)?;
        release_paths((path < PATHS).then(|| self.path_of(path)).as_deref());
        Ok(())
    }
}

fn span(range: Range) -> std::ops::Range<usize> {
    range.offset as usize..range.offset as usize + range.length
}

fn part_of(bytes: &[u8], offset: u64, length: Option<u64>) -> &[u8] {
    let from = bytes.len().min(offset as usize);
    let rest = &bytes[from..];
    &rest[..length.map_or(rest.len(), |length| rest.len().min(length as usize))]
}

/// Whether a range has bytes past the page from which on a mapping is disconnected from its file.
fn is_lost(lost_from: Option<usize>, range: Range) -> bool {
    range.length > 0 && lost_from.is_some_and(|page| span(range).end > page * page_size())
}

fn is_cut(range: Range, size: usize) -> bool {
    range.length > 0 && span(range).end > size
}

/// Checks that the error reports the truncation below the range, and the right size.
fn must_be_cut(error: &Error, range: Range, size: usize) {
    let Error::Truncated { range: bytes, size: reported, .. } = error else {
        panic!("{error:?} for {range:?}")
    };
    assert!(is_cut(range, size), "not cut: {error:?}, {size}");
    assert_eq!(*reported, size as u64, "{error:?} for {range:?}");
    must_lie_within(*bytes, range);
}

fn must_be_cut_among(error: &Error, ranges: &[Range], size: usize) {
    let cut = ranges.iter().find(|&&range| error.range() == Some(range.into()));
    must_be_cut(error, *cut.unwrap(), size);
}

fn must_lie_within(bytes: faultless_mapping::ByteRange, range: Range) {
    let page = page_size() as u64;
    let first = range.offset / page * page;
    let end = (range.offset + range.length as u64).next_multiple_of(page);
    assert!(
        bytes.length > 0 && bytes.start >= first && bytes.start + bytes.length <= end,
        "{bytes:?} {range:?}"
    );
}

/// The number of pages that this process has locked.
fn locked_pages() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024 / page_size()
}
