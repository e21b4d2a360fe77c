//! The open file that lib/ works with: what can be answered at once, and what is sent to the pool.

use std::cell::RefCell;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use faultless_mapping::{Evidence, MappedFile};
use napi::bindgen_prelude::{AsyncTask, Buffer, Either, Int32Array, JsValue, Uint8Array, Unknown};
use napi::{Env, Error, Result, Status, sys};
use napi_derive::napi;

use crate::arguments::{bytes, number, range, ranges};
use crate::jobs::{
    CountResidency, Job, OpenFile, PopulateRanges, ReadPath, ReadRanges, Refresh, Source, Ticket, Unwanted,
};
use crate::{errors, external};

/// A file at one moment: its length does not change.
#[napi]
pub struct NativeFile {
    file: Option<Arc<MappedFile>>,
    /// What this thread knows of the pages that copies are made of, and of those that views are made of.
    of_copies: RefCell<Evidence>,
    of_views: RefCell<Evidence>,
}

/// A job, or null when the pool is full and the caller should ask again later.
type Scheduled<W> = Option<AsyncTask<Job<W>>>;

fn schedule<W>(in_any_case: bool, work: impl FnOnce() -> Result<W>) -> Result<Scheduled<W>>
where
    Job<W>: for<'task> napi::ScopedTask<'task>,
{
    match Ticket::take(in_any_case) {
        Some(ticket) => Ok(Some(AsyncTask::new(Job::new(work()?, ticket)))),
        None => Ok(None),
    }
}

impl NativeFile {
    pub(crate) fn new(file: Arc<MappedFile>) -> Self {
        Self { file: Some(file), of_copies: RefCell::default(), of_views: RefCell::default() }
    }

    fn file(&self) -> Result<&Arc<MappedFile>> {
        self.file.as_ref().ok_or_else(|| Error::new(Status::Closing, "the file was released".to_owned()))
    }
}

#[napi]
impl NativeFile {
    /// Bytes of the file.
    #[napi(getter)]
    pub fn byte_length(&self) -> Result<f64> {
        Ok(number(self.file()?.byte_length()))
    }

    /// Where the file was when it was opened.
    #[napi(getter)]
    pub fn path(&self) -> Result<String> {
        Ok(self.file()?.path().to_string_lossy().into_owned())
    }

    /// Lets go of the file without waiting for a garbage collection. Jobs under way keep what they need.
    #[napi]
    pub fn release(&mut self) {
        self.file = None;
    }

    /// Copies `length` bytes at `offset` to `target`, from its byte `at` on, if that cannot wait for a disk; false if it could.
    #[napi]
    pub fn try_copy(&self, env: &Env, target: Unknown, at: f64, offset: f64, length: f64) -> Result<bool> {
        let range = range(self.file()?, offset, length)?;
        let address = writable(env, &target, at, range.length)?;
        // SAFETY: `address` has room for the length, as was just seen, and nothing runs on this thread in between; the
        // range ends within the file.
        let copied = unsafe {
            self.file()?.try_copy(std::iter::once(range), address, Some(&mut self.of_copies.borrow_mut()))
        };
        copied.map(|count| count == 1).map_err(|error| errors::to_napi(env, &error))
    }

    /// The same for many ranges, back to back; says how many there were before the first that could wait.
    #[napi]
    pub fn try_copy_many(
        &self,
        env: &Env,
        target: Unknown,
        at: f64,
        offsets: &[f64],
        lengths: &[f64],
    ) -> Result<u32> {
        let ranges = ranges(self.file()?, offsets, lengths)?;
        let bytes = ranges.iter().map(|range| range.length).sum();
        let address = writable(env, &target, at, bytes)?;
        // SAFETY: as above, for all of them together.
        let copied = unsafe {
            self.file()?.try_copy(ranges.into_iter(), address, Some(&mut self.of_copies.borrow_mut()))
        };
        let copied = copied.map_err(|error| errors::to_napi(env, &error))?;
        u32::try_from(copied).map_err(|_| Error::new(Status::InvalidArg, "too many ranges".to_owned()))
    }

    /// The id of the views' mapping, if touching a view of the range cannot wait for a disk; else 0.
    #[napi]
    pub fn ready_views(&self, env: &Env, offset: f64, length: f64) -> Result<u32> {
        let ready =
            self.file()?.ready_views(range(self.file()?, offset, length)?, &mut self.of_views.borrow_mut());
        ready.map(Option::unwrap_or_default).map_err(|error| errors::to_napi(env, &error))
    }

    /// Tells the mapping behind this file's views from the one before, which was damaged.
    #[napi]
    pub fn views_id(&self, env: &Env) -> Result<u32> {
        self.file()?.views().map(|views| views.id()).map_err(|error| errors::to_napi(env, &error))
    }

    /// An `ArrayBuffer` over a range of the views' mapping.
    #[napi(ts_return_type = "ArrayBuffer")]
    pub fn window<'env>(&self, env: &'env Env, start: f64, length: f64) -> Result<Unknown<'env>> {
        let range = range(self.file()?, start, length)?;
        let views = self.file()?.views().map_err(|error| errors::to_napi(env, &error))?;
        external::window(env, views, range)
    }

    /// Copies ranges back to back into `target`. Resolves to pairs of index and Error, or null when none failed.
    #[napi(ts_return_type = "Promise<Array<number | Error> | null> | null")]
    pub fn read_ranges(
        &self,
        in_any_case: bool,
        offsets: &[f64],
        lengths: &[f64],
        target: Uint8Array,
        unwanted: Option<Int32Array>,
    ) -> Result<Scheduled<ReadRanges>> {
        schedule(in_any_case, || {
            let ranges = ranges(self.file()?, offsets, lengths)?;
            if ranges.iter().map(|range| range.length).sum::<usize>() > target.len() {
                return Err(Error::new(
                    Status::InvalidArg,
                    "the target is shorter than the ranges".to_owned(),
                ));
            }
            Ok(ReadRanges {
                file: Arc::clone(self.file()?),
                ranges,
                target,
                unwanted: Unwanted::new(unwanted),
            })
        })
    }

    /// Brings ranges into the page table, of the views' mapping or of the one that is copied from.
    #[napi(ts_return_type = "Promise<Array<number | Error> | null> | null")]
    pub fn populate_ranges(
        &self,
        in_any_case: bool,
        offsets: &[f64],
        lengths: &[f64],
        for_views: bool,
        unwanted: Option<Int32Array>,
    ) -> Result<Scheduled<PopulateRanges>> {
        schedule(in_any_case, || {
            let ranges = ranges(self.file()?, offsets, lengths)?;
            let unwanted = Unwanted::new(unwanted);
            Ok(PopulateRanges { file: Arc::clone(self.file()?), ranges, for_views, unwanted })
        })
    }

    /// Counts the pages of a range that are in memory.
    #[napi(
        ts_return_type = "Promise<{ pages: number, resident?: number, mapped: number, pageSize: number }> | null"
    )]
    pub fn residency(
        &self,
        in_any_case: bool,
        offset: f64,
        length: f64,
    ) -> Result<Scheduled<CountResidency>> {
        schedule(in_any_case, || {
            let range = range(self.file()?, offset, length)?;
            Ok(CountResidency { file: Arc::clone(self.file()?), range })
        })
    }

    /// The same file as it is now.
    #[napi(ts_return_type = "Promise<NativeFile> | null")]
    pub fn refresh(&self, in_any_case: bool) -> Result<Scheduled<Refresh>> {
        schedule(in_any_case, || Ok(Refresh(Arc::clone(self.file()?))))
    }
}

/// Opens a path, or takes over a descriptor that the caller goes on to own.
#[napi(ts_return_type = "Promise<NativeFile> | null")]
pub fn open_file(in_any_case: bool, source: Either<Buffer, i32>) -> Result<Scheduled<OpenFile>> {
    schedule(in_any_case, || {
        Ok(OpenFile(match source {
            Either::A(path) => Source::Path(path_from(&path)),
            Either::B(descriptor) => Source::Descriptor(descriptor),
        }))
    })
}

/// Reads the file at `path`, or gives the open file where the result would have more than `most` bytes.
#[napi(ts_return_type = "Promise<Buffer | NativeFile> | null")]
pub fn read_path(
    in_any_case: bool,
    path: &[u8],
    idle: f64,
    offset: f64,
    length: Option<f64>,
    most: u32,
    unwanted: Option<Int32Array>,
) -> Result<Scheduled<ReadPath>> {
    schedule(in_any_case, || {
        Ok(ReadPath {
            path: path_from(path),
            idle: milliseconds(idle),
            offset: bytes(offset)?,
            length: length.map(bytes).transpose()?,
            most: most as usize,
            unwanted: Unwanted::new(unwanted),
        })
    })
}

/// Copies up to `length` bytes at `offset` of the file at `path` to the start of `target`, if it is mapped already and none of
/// that could wait for a disk. Says how many there were before the end of the file, or -1.
#[napi]
pub fn try_read_path(
    env: &Env,
    path: &[u8],
    idle: f64,
    target: Unknown,
    offset: f64,
    length: f64,
) -> Result<f64> {
    let Some(file) = faultless_mapping::find_path(&path_from(path), milliseconds(idle)) else {
        return Ok(-1.0);
    };
    let (offset, length) = (bytes(offset)?, bytes(length)?);
    let start = offset.min(file.byte_length());
    let count = length.min(file.byte_length() - start);
    let range = range(&file, number(start), number(count))?;
    let address = writable(env, &target, 0.0, range.length)?;
    // SAFETY: `address` has room for the range, which ends within the file; nothing runs on this thread in between.
    match unsafe { file.try_copy(std::iter::once(range), address, None) } {
        Ok(1) => Ok(number(count)),
        Ok(_) => Ok(-1.0),
        Err(error) => Err(errors::to_napi(env, &error)),
    }
}

fn milliseconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number / 1000.0).unwrap_or(Duration::MAX)
}

/// Lets go of what `readPath` keeps mapped: one path, or all.
#[napi]
pub fn release_paths(path: Option<Buffer>) {
    faultless_mapping::release_paths(path.map(|path| path_from(&path)).as_deref());
}

fn path_from(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(bytes.to_vec()))
}

/// The address of byte `at` of a `Uint8Array`, if there are at least `length` bytes from there on at this moment.
fn writable(env: &Env, target: &Unknown, at: f64, length: usize) -> Result<*mut u8> {
    let (mut kind, mut room, mut address) = (0, 0, ptr::null_mut());
    // SAFETY: the value belongs to this call, and the pointers to locals with room for the answers; what is not asked for
    // may be null.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env.raw(),
            target.raw(),
            &raw mut kind,
            &raw mut room,
            &raw mut address,
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    let at = usize::try_from(bytes(at)?).unwrap_or(usize::MAX);
    let fits = at.checked_add(length).is_some_and(|end| end <= room);
    let is_bytes = kind == sys::TypedarrayType::uint8_array;
    if status != sys::Status::napi_ok || !is_bytes || !fits || (address.is_null() && length > 0) {
        return Err(Error::new(Status::InvalidArg, "the target has no room for the range".to_owned()));
    }
    Ok(address.cast::<u8>().wrapping_add(at))
}
