//! The open file that lib/ works with: what can be answered at once, and what is sent to the pool.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use faultless_mapping::{MappedFile, Purpose, Range};
use napi::bindgen_prelude::{AsyncTask, Buffer, ClassInstance, Either, Int32Array, Uint8Array, Unknown};
use napi::{Env, Error, Result, Status};
use napi_derive::napi;

use crate::arguments::{bytes, number, range, ranges};
use crate::jobs::{
    CountResidency, Job, OpenFile, PopulateRanges, ReadPath, ReadRanges, Refresh, Source, Ticket, Unwanted,
};
use crate::{errors, external, reader};

/// A file at one moment: its length does not change.
#[napi]
pub struct NativeFile {
    file: Option<Arc<MappedFile>>,
}

/// A job, or null when the pool is full and the caller should ask again later.
pub(crate) type Scheduled<W> = Option<AsyncTask<Job<W>>>;

pub(crate) fn schedule<W>(in_any_case: bool, work: impl FnOnce() -> Result<W>) -> Result<Scheduled<W>>
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
        Self { file: Some(file) }
    }

    pub(crate) fn file(&self) -> Result<&Arc<MappedFile>> {
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

    /// What the functions of `readerFunctions()` take.
    #[napi(ts_return_type = "object")]
    pub fn reader<'env>(&self, env: &'env Env) -> Result<Unknown<'env>> {
        reader::reader(env, Arc::clone(self.file()?))
    }

    /// Tells the mapping behind this file's views from the one before, which was damaged.
    #[napi]
    pub fn views_id(&self, env: &Env) -> Result<u32> {
        self.file()?.views().map(|views| views.id()).map_err(|error| errors::to_napi(env, &error))
    }

    /// An `ArrayBuffer` over a range of the views' mapping; null if that is not the one with this id any more.
    #[napi(ts_return_type = "ArrayBuffer | null")]
    pub fn window<'env>(
        &self,
        env: &'env Env,
        id: u32,
        start: f64,
        length: f64,
    ) -> Result<Option<Unknown<'env>>> {
        let range = range(self.file()?, start, length)?;
        let views = self.file()?.views().map_err(|error| errors::to_napi(env, &error))?;
        if views.id() != id {
            return Ok(None);
        }
        external::window(env, views, range).map(Some)
    }

    /// Copies ranges into `targets`, back to back; each range lies in one of them. Resolves to pairs of index and Error, or
    /// null when none failed.
    #[napi(ts_return_type = "Promise<Array<number | Error> | null> | null")]
    pub fn read_ranges(
        &self,
        in_any_case: bool,
        offsets: &[f64],
        lengths: &[f64],
        targets: Vec<Uint8Array>,
        unwanted: Option<Int32Array>,
    ) -> Result<Scheduled<ReadRanges>> {
        schedule(in_any_case, || {
            let ranges = ranges(self.file()?, offsets, lengths)?;
            must_fit(&ranges, targets.iter().map(|target| target.len()))?;
            Ok(ReadRanges {
                file: Arc::clone(self.file()?),
                ranges,
                targets,
                unwanted: Unwanted::new(unwanted),
            })
        })
    }

    /// Brings ranges into the page table, of the views' mapping or of the one that is copied from; `in_order` if they are parts
    /// of a longer range that is gone through from its start to its end.
    #[napi(ts_return_type = "Promise<Array<number | Error> | null> | null")]
    pub fn populate_ranges(
        &self,
        in_any_case: bool,
        offsets: &[f64],
        lengths: &[f64],
        for_views: bool,
        in_order: bool,
        unwanted: Option<Int32Array>,
    ) -> Result<Scheduled<PopulateRanges>> {
        schedule(in_any_case, || {
            let ranges = ranges(self.file()?, offsets, lengths)?;
            let unwanted = Unwanted::new(unwanted);
            let purpose = match (for_views, in_order) {
                (false, _) => Purpose::Copies,
                (true, false) => Purpose::Views,
                (true, true) => Purpose::ViewsInOrder,
            };
            Ok(PopulateRanges { file: Arc::clone(self.file()?), ranges, purpose, unwanted })
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

    /// The same file as it is now. Unless `forgiving`, stores that were lost are remembered.
    #[napi(ts_return_type = "Promise<NativeFile> | null")]
    pub fn refresh(&self, in_any_case: bool, forgiving: bool) -> Result<Scheduled<Refresh>> {
        schedule(in_any_case, || Ok(Refresh { file: Arc::clone(self.file()?), forgiving }))
    }
}

/// A second descriptor for a file that somebody else has open.
#[napi]
pub struct Descriptor(Option<File>);

#[napi]
impl Descriptor {
    /// Made at once: by the time a job runs, theirs may be closed, and its number another file's.
    #[napi(constructor)]
    pub fn new(env: Env, descriptor: i32) -> Result<Self> {
        let file = MappedFile::duplicate(descriptor);
        file.map(|file| Self(Some(file))).map_err(|error| errors::to_napi(&env, &error))
    }
}

/// Opens a path, or what a descriptor leads to, which is used up.
#[napi(ts_return_type = "Promise<NativeFile> | null")]
pub fn open_file(
    in_any_case: bool,
    source: Either<Buffer, ClassInstance<Descriptor>>,
    writable: bool,
) -> Result<Scheduled<OpenFile>> {
    schedule(in_any_case, || {
        let source = match source {
            Either::A(path) => Source::Path(path_from(&path)),
            Either::B(mut descriptor) => Source::Descriptor(
                descriptor
                    .0
                    .take()
                    .ok_or_else(|| Error::new(Status::InvalidArg, "used before".to_owned()))?,
            ),
        };
        Ok(OpenFile { source: Some(source), writable })
    })
}

/// Reads the file at `path`: as much as goes into `target`, and gives the count; without a target the rest of the file, and
/// gives a Buffer, or the open file where that would have more than `most` bytes.
#[napi(ts_return_type = "Promise<number | Buffer | NativeFile> | null")]
pub fn read_path(
    in_any_case: bool,
    path: &[u8],
    idle: f64,
    offset: f64,
    target: Option<Uint8Array>,
    most: u32,
    unwanted: Option<Int32Array>,
) -> Result<Scheduled<ReadPath>> {
    schedule(in_any_case, || {
        Ok(ReadPath {
            path: path_from(path),
            idle: milliseconds(idle),
            offset: bytes(offset)?,
            target,
            most: most as usize,
            unwanted: Unwanted::new(unwanted),
        })
    })
}

/// Refuses targets into which the ranges do not go: too short, or with a range across the border of two.
fn must_fit(ranges: &[Range], mut rooms: impl Iterator<Item = usize>) -> Result<()> {
    let mut room = 0;
    for range in ranges {
        while room == 0 && range.length > 0 {
            let next = rooms.next();
            room = next
                .ok_or_else(|| Error::new(Status::InvalidArg, "too little room for the ranges".to_owned()))?;
        }
        let Some(left) = room.checked_sub(range.length) else {
            return Err(Error::new(Status::InvalidArg, "a range across two targets".to_owned()));
        };
        room = left;
    }
    Ok(())
}

pub(crate) fn milliseconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number / 1000.0).unwrap_or(Duration::MAX)
}

/// Lets go of what `readPath` keeps mapped: one path, or all.
#[napi]
pub fn release_paths(path: Option<Buffer>) {
    faultless_mapping::release_paths(path.map(|path| path_from(&path)).as_deref());
}

/// A path as lib/ hands it over: the bytes themselves where a path is bytes, else UTF-8.
pub(crate) fn path_from(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes));
    #[cfg(not(unix))]
    return PathBuf::from(String::from_utf8_lossy(bytes).into_owned());
}
