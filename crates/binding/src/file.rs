//! The open file that lib/ works with: synchronous answers, and jobs for the pool.

#![expect(clippy::needless_pass_by_value, reason = "napi-rs gives methods their strings by value")]

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use faultless_mapping::{CaughtUp, Creation, Duplicate, MappedFile, PathRange, Purpose, Range};
use napi::bindgen_prelude::{AsyncTask, Buffer, ClassInstance, Either, Uint8Array, Unknown};
use napi::{Env, Error, Result, Status};
use napi_derive::napi;

use crate::arguments::{bytes, milliseconds, number, path_from, range, ranges};
use crate::environment::Wanted;
use crate::jobs::{
    BeginAhead, CountResidency, Job, OpenFile, PopulateRanges, ReadPaths, ReadRanges, Refresh, Source,
    schedule,
};
use crate::{errors, external, reader};

/// A file at one moment: its length does not change.
#[napi]
pub struct NativeFile {
    file: Option<Arc<MappedFile>>,
    /// The number of this file in the functions of `readerFunctions()`.
    reader: Cell<u32>,
}

impl Drop for NativeFile {
    fn drop(&mut self) {
        reader::unregister(self.reader.get());
    }
}

impl NativeFile {
    pub(crate) fn new(file: Arc<MappedFile>) -> Self {
        Self { file: Some(file), reader: Cell::new(0) }
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

    /// The path of the file when it was opened.
    #[napi(getter)]
    pub fn path(&self) -> Result<String> {
        Ok(self.file()?.path().to_string_lossy().into_owned())
    }

    /// Releases the file without waiting for a garbage collection. Running jobs keep the parts that they need.
    #[napi]
    pub fn release(&mut self) {
        self.file = None;
        reader::unregister(self.reader.take());
    }

    /// The number of this file in the functions of `readerFunctions()`, valid until it is released.
    #[napi(getter)]
    pub fn reader(&self) -> Result<u32> {
        if self.reader.get() == 0 {
            self.reader.set(reader::register(Arc::clone(self.file()?)));
        }
        Ok(self.reader.get())
    }

    /// The number of the descriptor, valid until the file is released; null on Windows.
    #[napi(getter)]
    pub fn descriptor(&self) -> Result<Option<i32>> {
        Ok(self.file()?.descriptor())
    }

    /// Whether the file is mapped. Otherwise it is read, and there are no mapped bytes to hand out.
    #[napi(getter)]
    pub fn mapped(&self) -> Result<bool> {
        Ok(self.file()?.is_mapped())
    }

    /// Identifies the mapping for this file's views, which changes after a damage; 0 where there is none.
    #[napi]
    pub fn views_id(&self) -> Result<u32> {
        Ok(self.file()?.views_id().unwrap_or_default())
    }

    /// Whether views of this file have lost bytes since the last call.
    #[napi]
    pub fn take_lost_views(&self) -> Result<bool> {
        Ok(self.file()?.take_lost_views())
    }

    /// An `ArrayBuffer` or a `SharedArrayBuffer` over a range of the mapping for views; null if that mapping no longer
    /// has this id.
    #[napi(ts_return_type = "ArrayBuffer | SharedArrayBuffer | null")]
    pub fn window<'env>(
        &self,
        env: &'env Env,
        id: u32,
        start: f64,
        length: f64,
        shared: bool,
    ) -> Result<Option<Unknown<'env>>> {
        let range = range(self.file()?, start, length)?;
        let views = self.file()?.views().map_err(|error| errors::to_napi(env, &error))?;
        if views.id() != id {
            return Ok(None);
        }
        let make = if shared { external::shared_window } else { external::window };
        make(env, views, range).map(Some)
    }

    /// Copies ranges into `targets`, back to back; each range lies in one of them. `fresh` if no byte was ever written
    /// to them. Resolves to pairs of index and Error, or null when none failed. `job` is the number for `giveUp`, or 0.
    #[napi(ts_return_type = "Promise<Array<number | Error> | null>")]
    pub fn read_ranges(
        &self,
        job: u32,
        offsets: &[f64],
        lengths: &[f64],
        targets: Vec<Uint8Array>,
        fresh: bool,
    ) -> Result<AsyncTask<Job<ReadRanges>>> {
        let ranges = ranges(self.file()?, offsets, lengths)?;
        must_fit(&ranges, targets.iter().map(|target| target.len()))?;
        let wanted = Wanted::new(job, ranges.len());
        schedule(ReadRanges { file: Arc::clone(self.file()?), ranges, targets, is_fresh: fresh, wanted })
    }

    /// Starts the I/O after a range of a file that is read sequentially.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn begin_ahead(&self, offset: f64, length: f64) -> Result<AsyncTask<Job<BeginAhead>>> {
        let range = range(self.file()?, offset, length)?;
        schedule(BeginAhead { file: Arc::clone(self.file()?), range })
    }

    /// Brings ranges into the page table: for a `view`, for a `chunk` of a longer range that is read sequentially, or
    /// as a `prefault` of bytes to copy.
    #[napi(ts_return_type = "Promise<Array<number | Error> | null>")]
    pub fn populate_ranges(
        &self,
        job: u32,
        offsets: &[f64],
        lengths: &[f64],
        purpose: String,
    ) -> Result<AsyncTask<Job<PopulateRanges>>> {
        let ranges = ranges(self.file()?, offsets, lengths)?;
        let wanted = Wanted::new(job, ranges.len());
        let purpose = match purpose.as_str() {
            "prefault" => Purpose::Copies,
            "view" => Purpose::Views,
            "chunk" => Purpose::ViewsInOrder,
            _ => return Err(Error::new(Status::InvalidArg, "unknown purpose".to_owned())),
        };
        schedule(PopulateRanges { file: Arc::clone(self.file()?), ranges, purpose, wanted })
    }

    /// Counts the pages of a range that are in memory.
    #[napi(
        ts_return_type = "Promise<{ pages: number, resident?: number, mapped: number, pageSize: number }>"
    )]
    pub fn residency(&self, offset: f64, length: f64) -> Result<AsyncTask<Job<CountResidency>>> {
        let range = range(self.file()?, offset, length)?;
        schedule(CountResidency { file: Arc::clone(self.file()?), range })
    }

    /// The file with the size that another handle has set; false if that is its size already, true if checking may wait
    /// for a server, so that `refresh` is needed.
    #[napi]
    pub fn catch_up(&self, env: Env) -> Result<Either<NativeFile, bool>> {
        match self.file()?.caught_up().map_err(|error| errors::to_napi(&env, &error))? {
            CaughtUp::Same => Ok(Either::B(false)),
            CaughtUp::Later => Ok(Either::B(true)),
            CaughtUp::Now(file) => Ok(Either::A(NativeFile::new(Arc::from(file)))),
        }
    }

    /// The same file with its current size. Unless `clearLosses`, lost stores stay recorded.
    #[napi(ts_return_type = "Promise<NativeFile>")]
    pub fn refresh(&self, clear_losses: bool) -> Result<AsyncTask<Job<Refresh>>> {
        schedule(Refresh { file: Arc::clone(self.file()?), clear_losses })
    }
}

/// A second descriptor for a file that other code has open.
#[napi]
pub struct Descriptor(Option<Duplicate>);

#[napi]
impl Descriptor {
    /// Duplicates at once: by the time a job runs, the other descriptor may be closed and its number reused for another
    /// file.
    #[napi(constructor)]
    pub fn new(env: Env, descriptor: i32) -> Result<Self> {
        let file = MappedFile::duplicate(descriptor);
        file.map(|file| Self(Some(file))).map_err(|error| errors::to_napi(&env, &error))
    }
}

/// How `openFile` creates a missing file.
#[napi(object)]
pub struct CreateOptions {
    pub exclusive: bool,
    pub truncate: bool,
    pub permissions: u32,
}

/// Opens a path, or the file of a `Descriptor`, which is consumed.
#[napi(ts_return_type = "Promise<NativeFile>")]
pub fn open_file(
    source: Either<Buffer, ClassInstance<Descriptor>>,
    writable: bool,
    create: Option<CreateOptions>,
) -> Result<AsyncTask<Job<OpenFile>>> {
    let source =
        match source {
            Either::A(path) => Source::Path(path_from(&path)),
            Either::B(mut descriptor) => Source::Descriptor(descriptor.0.take().ok_or_else(|| {
                Error::new(Status::InvalidArg, "the descriptor was used before".to_owned())
            })?),
        };
    let creation = create.map(|CreateOptions { exclusive, truncate, permissions }| Creation {
        exclusive,
        truncate,
        permissions,
    });
    schedule(OpenFile { source: Some(source), writable, creation })
}

/// Reads the files at some paths: from each offset as many bytes as its length says, or the rest of the file where that
/// is negative. A file with more than `max_bytes` requested bytes is opened instead; once all together exceed
/// `max_total`, the remaining files are not started.
#[napi(ts_return_type = "Promise<Array<Buffer | NativeFile | Error>>")]
pub fn read_paths(
    job: u32,
    paths: Vec<Either<String, Buffer>>,
    offsets: &[f64],
    lengths: &[f64],
    idle: f64,
    max_bytes: u32,
    max_total: u32,
) -> Result<AsyncTask<Job<ReadPaths>>> {
    if paths.len() != offsets.len() || paths.len() != lengths.len() {
        return Err(Error::new(Status::InvalidArg, "each path must have an offset and a length".to_owned()));
    }
    let asked = paths.into_iter().zip(offsets).zip(lengths).map(|((path, &offset), &length)| {
        let path = match path {
            Either::A(path) => PathBuf::from(path),
            Either::B(path) => path_from(&path),
        };
        let length = if length < 0.0 { None } else { Some(bytes(length)?) };
        Ok(PathRange { path, offset: bytes(offset)?, length })
    });
    let asked = asked.collect::<Result<Vec<_>>>()?;
    let wanted = Wanted::new(job, asked.len());
    let (idle, max_bytes, max_total) = (milliseconds(idle), max_bytes as usize, max_total as usize);
    schedule(ReadPaths { asked, idle, max_bytes, max_total, wanted })
}

/// Refuses targets that do not fit the ranges: too short, or with a range that spans two targets.
fn must_fit(ranges: &[Range], mut lengths: impl Iterator<Item = usize>) -> Result<()> {
    let mut space = 0;
    for range in ranges {
        while space == 0 && range.length > 0 {
            let next = lengths.next();
            space = next.ok_or_else(|| {
                Error::new(Status::InvalidArg, "the targets are too short for the ranges".to_owned())
            })?;
        }
        let Some(left) = space.checked_sub(range.length) else {
            return Err(Error::new(Status::InvalidArg, "a range must not span two targets".to_owned()));
        };
        space = left;
    }
    Ok(())
}

/// Drops the mappings that `readPaths` keeps: of one path, or of all.
#[napi]
pub fn release_paths(path: Option<Buffer>) {
    faultless_mapping::release_paths(path.map(|path| path_from(&path)).as_deref());
}
