//! Jobs for the libuv pool, and the conversion of their results to JavaScript values.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use faultless_mapping::{
    Creation, Duplicate, Error as CoreError, Failures, MappedFile, PathOutcome, PathRange, PathsRead,
    Purpose, Range, Residency, Target,
};
use napi::bindgen_prelude::{
    Array, AsyncTask, BufferSlice, Either, JsObjectValue, Null, Object, ToNapiValue, TypeName, Uint8Array,
};
use napi::{Env, Error, Result, ScopedTask, Status};

use crate::arguments::number;
use crate::environment::{Permit, Wanted, permit};
use crate::errors;
use crate::file::NativeFile;

/// A job that runs on the pool and whose result is converted on the JS thread.
pub trait Work: Send {
    type Done: Send + 'static;
    type Answer<'env>: ToNapiValue + TypeName;

    fn work(&mut self) -> faultless_mapping::Result<Self::Done>;
    fn answer<'env>(&mut self, env: &'env Env, done: Self::Done) -> Result<Self::Answer<'env>>;
}

/// [`Work`] with its permit, as napi-rs schedules it.
pub struct Job<W> {
    work: W,
    permit: Option<Permit>,
}

/// Schedules work, with the permit that was taken for it.
pub(crate) fn schedule<W: Work>(work: W) -> Result<AsyncTask<Job<W>>> {
    Ok(AsyncTask::new(Job { work, permit: Some(permit()?) }))
}

impl<'env, W: Work> ScopedTask<'env> for Job<W> {
    type Output = faultless_mapping::Result<W::Done>;
    type JsValue = W::Answer<'env>;

    fn compute(&mut self) -> Result<Self::Output> {
        // A panic must not unwind into libuv's C frames.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.work.work())).map_err(|_| {
            Error::new(Status::GenericFailure, "faultless: a pool job failed unexpectedly".to_owned())
        });
        // This thread is free again, however long the JS thread takes to handle the result.
        self.permit = None;
        outcome
    }

    fn resolve(&mut self, env: &'env Env, output: Self::Output) -> Result<Self::JsValue> {
        match output {
            Ok(done) => self.work.answer(env, done),
            Err(error) => Err(errors::to_napi(env, &error)),
        }
    }
}

/// The failed ranges: pairs of index and Error, or null if none failed.
fn failures_to_js<'env>(env: &'env Env, failures: &Failures) -> Result<Either<Array<'env>, Null>> {
    if failures.is_empty() {
        return Ok(Either::B(Null));
    }
    let mut list = env.create_array(0)?;
    for (index, error) in failures {
        list.insert(u32::try_from(*index).unwrap_or(u32::MAX))?;
        list.insert(errors::to_js(env, error)?)?;
    }
    Ok(Either::A(list))
}

/// Copies ranges back to back into buffers that only this job writes.
pub struct ReadRanges {
    pub(crate) file: Arc<MappedFile>,
    pub(crate) ranges: Vec<Range>,
    pub(crate) targets: Vec<Uint8Array>,
    pub(crate) is_fresh: bool,
    pub(crate) wanted: Wanted,
}

impl Work for ReadRanges {
    type Done = Failures;
    type Answer<'env> = Either<Array<'env>, Null>;

    fn work(&mut self) -> faultless_mapping::Result<Failures> {
        // SAFETY: lib/ passes private memory that no other code sees before the job is done; the arrays keep it alive,
        // and do not overlap.
        let parts = self.targets.iter_mut().map(|target| unsafe { target.as_mut() });
        let mut target = Target::new(parts, self.is_fresh);
        Ok(faultless_mapping::read_ranges(&self.file, &self.ranges, &mut target, |index| {
            self.wanted.wants(index)
        }))
    }

    fn answer<'env>(&mut self, env: &'env Env, done: Failures) -> Result<Self::Answer<'env>> {
        failures_to_js(env, &done)
    }
}

/// Starts the I/O after a range of a file that is read sequentially.
pub struct BeginAhead {
    pub(crate) file: Arc<MappedFile>,
    pub(crate) range: Range,
}

impl Work for BeginAhead {
    type Done = ();
    type Answer<'env> = ();

    fn work(&mut self) -> faultless_mapping::Result<()> {
        faultless_mapping::begin_ahead(&self.file, self.range);
        Ok(())
    }

    fn answer(&mut self, _env: &Env, (): ()) -> Result<()> {
        Ok(())
    }
}

/// Brings ranges into the page table.
pub struct PopulateRanges {
    pub(crate) file: Arc<MappedFile>,
    pub(crate) ranges: Vec<Range>,
    pub(crate) purpose: Purpose,
    pub(crate) wanted: Wanted,
}

impl Work for PopulateRanges {
    type Done = Failures;
    type Answer<'env> = Either<Array<'env>, Null>;

    fn work(&mut self) -> faultless_mapping::Result<Failures> {
        let wanted = |index| self.wanted.wants(index);
        faultless_mapping::populate_ranges(&self.file, &self.ranges, self.purpose, wanted)
    }

    fn answer<'env>(&mut self, env: &'env Env, done: Failures) -> Result<Self::Answer<'env>> {
        failures_to_js(env, &done)
    }
}

/// A path or a descriptor to open.
pub enum Source {
    Path(PathBuf),
    Descriptor(Duplicate),
}

/// Opens and maps a file.
pub struct OpenFile {
    /// The job takes it.
    pub(crate) source: Option<Source>,
    pub(crate) writable: bool,
    /// Creates the file if it does not exist.
    pub(crate) creation: Option<Creation>,
}

impl Work for OpenFile {
    type Done = MappedFile;
    type Answer<'env> = NativeFile;

    fn work(&mut self) -> faultless_mapping::Result<MappedFile> {
        match self.source.take() {
            Some(Source::Path(path)) => match self.creation {
                Some(how) => MappedFile::create(&path, how),
                None => MappedFile::open(&path, self.writable),
            },
            Some(Source::Descriptor(file)) => MappedFile::from_descriptor(file, self.writable),
            None => Err(CoreError::Cancelled),
        }
    }

    fn answer(&mut self, _env: &Env, done: MappedFile) -> Result<NativeFile> {
        Ok(NativeFile::new(Arc::new(done)))
    }
}

/// Checks an open file again.
pub struct Refresh {
    pub(crate) file: Arc<MappedFile>,
    pub(crate) clear_losses: bool,
}

impl Work for Refresh {
    type Done = MappedFile;
    type Answer<'env> = NativeFile;

    fn work(&mut self) -> faultless_mapping::Result<MappedFile> {
        if self.clear_losses { self.file.refreshed() } else { self.file.grown() }
    }

    fn answer(&mut self, _env: &Env, done: MappedFile) -> Result<NativeFile> {
        Ok(NativeFile::new(Arc::new(done)))
    }
}

/// Counts the pages of a range that are in memory.
pub struct CountResidency {
    pub(crate) file: Arc<MappedFile>,
    pub(crate) range: Range,
}

impl Work for CountResidency {
    type Done = Residency;
    type Answer<'env> = Object<'env>;

    fn work(&mut self) -> faultless_mapping::Result<Residency> {
        Ok(self.file.residency(self.range))
    }

    fn answer<'env>(&mut self, env: &'env Env, done: Residency) -> Result<Object<'env>> {
        let mut object = Object::new(env)?;
        object.set_named_property("pages", number(done.pages as u64))?;
        object.set_named_property("resident", done.resident.map(|pages| number(pages as u64)))?;
        object.set_named_property("mapped", number(done.mapped as u64))?;
        object.set_named_property("pageSize", number(done.page_size as u64))?;
        Ok(object)
    }
}

/// Reads the current files at some paths.
pub struct ReadPaths {
    pub(crate) asked: Vec<PathRange>,
    pub(crate) idle: Duration,
    pub(crate) max_bytes: usize,
    pub(crate) max_total: usize,
    pub(crate) wanted: Wanted,
}

impl Work for ReadPaths {
    type Done = PathsRead;
    type Answer<'env> = Array<'env>;

    fn work(&mut self) -> faultless_mapping::Result<PathsRead> {
        let wanted = |index| self.wanted.wants(index);
        Ok(faultless_mapping::read_paths(&self.asked, self.idle, self.max_bytes, self.max_total, wanted))
    }

    /// For each started file its Buffer, its Error, or the open file.
    fn answer<'env>(&mut self, env: &'env Env, done: PathsRead) -> Result<Self::Answer<'env>> {
        let PathsRead { bytes, outcomes } = done;
        let mut results = env.create_array(0)?;
        for outcome in outcomes {
            match outcome {
                // Copied into memory that V8 owns: external memory causes collections of the whole heap.
                PathOutcome::Bytes(span) => results.insert(BufferSlice::copy_from(env, &bytes[span])?)?,
                PathOutcome::TooMany(file) => results.insert(NativeFile::new(Arc::from(file)))?,
                PathOutcome::Failed(error) => results.insert(errors::to_js(env, &error)?)?,
            }
        }
        Ok(results)
    }
}
