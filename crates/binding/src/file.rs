//! The open file that lib/ works with: what can be answered at once, and what is sent to the pool.

use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use faultless_mapping::{MappedFile, Range};
use napi::bindgen_prelude::{AsyncTask, Buffer, Either, Int32Array, Uint8Array, Unknown};
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
        Self { file: Some(file) }
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

    /// An `ArrayBuffer` over a range of the views' mapping.
    #[napi(ts_return_type = "ArrayBuffer")]
    pub fn window<'env>(&self, env: &'env Env, start: f64, length: f64) -> Result<Unknown<'env>> {
        let range = range(self.file()?, start, length)?;
        let views = self.file()?.views().map_err(|error| errors::to_napi(env, &error))?;
        external::window(env, views, range)
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

pub(crate) fn path_from(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(bytes.to_vec()))
}
