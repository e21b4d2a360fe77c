//! Work for the libuv pool: how much of it may be under way, and the tasks themselves.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use faultless_mapping::{
    Error as CoreError, Failures, MappedFile, Places, Purpose, Range, Residency, Scattered,
};
use napi::bindgen_prelude::{
    Array, BufferSlice, Either, Either3, Int32Array, JsObjectValue, Null, Object, ToNapiValue, TypeName,
    Uint8Array,
};
use napi::{Env, Error, Result, ScopedTask, Status};

use crate::arguments::number;
use crate::errors;
use crate::file::NativeFile;

/// Threads of the libuv pool, by libuv's own rule.
pub(crate) fn pool_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let wanted = std::env::var("UV_THREADPOOL_SIZE").ok();
        // libuv reads it with atoi: what is no number counts as 0, and 0 as 1.
        wanted.map_or(4, |text| text.trim().parse::<usize>().unwrap_or(0).clamp(1, 1024))
    })
}

static PLACES: LazyLock<Places> = LazyLock::new(|| Places::of_pool(pool_size()));

/// The right to occupy a thread of the pool. One thread is left to others, so that a slow disk does not take dns and fs
/// with it; an environment that has no job under way gets one in any case, or it might wait for ever.
#[derive(Debug)]
pub(crate) struct Ticket(());

impl Ticket {
    pub(crate) fn take(in_any_case: bool) -> Option<Self> {
        // Lazily: a ticket that is made and dropped at once would give back what it never took.
        PLACES.take(in_any_case).then(|| Self(()))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        PLACES.give_back();
    }
}

/// A piece of work that is done on the pool and answered on the JS thread.
pub trait Work: Send {
    type Done: Send + 'static;
    type Answer<'env>: ToNapiValue + TypeName;

    fn work(&mut self) -> faultless_mapping::Result<Self::Done>;
    fn answer<'env>(&mut self, env: &'env Env, done: Self::Done) -> Result<Self::Answer<'env>>;
}

/// [`Work`] with its ticket, as napi-rs schedules it.
pub struct Job<W> {
    work: W,
    _ticket: Ticket,
}

impl<W> Job<W> {
    pub(crate) fn new(work: W, ticket: Ticket) -> Self {
        Self { work, _ticket: ticket }
    }
}

impl<'env, W: Work> ScopedTask<'env> for Job<W> {
    type Output = faultless_mapping::Result<W::Done>;
    type JsValue = W::Answer<'env>;

    fn compute(&mut self) -> Result<Self::Output> {
        // A panic must not unwind into libuv's C frames.
        catch_unwind(AssertUnwindSafe(|| self.work.work())).map_err(|_| {
            Error::new(Status::GenericFailure, "faultless: a pool job failed unexpectedly".to_owned())
        })
    }

    fn resolve(&mut self, env: &'env Env, output: Self::Output) -> Result<Self::JsValue> {
        match output {
            Ok(done) => self.work.answer(env, done),
            Err(error) => Err(errors::to_napi(env, &error)),
        }
    }
}

/// Which ranges of a job are still wanted: an array in shared memory, in which JavaScript sets a 1 for each that is not.
pub struct Unwanted(Option<Int32Array>);

impl Unwanted {
    pub(crate) fn new(flags: Option<Int32Array>) -> Self {
        Self(flags)
    }

    fn wants(&self, index: usize) -> bool {
        let Some(flag) = self.0.as_ref().and_then(|flags| flags.get(index)) else { return true };
        let flag = std::ptr::from_ref(flag).cast_mut();
        // SAFETY: an aligned i32 in a SharedArrayBuffer that the array keeps alive; JavaScript writes it with Atomics.
        unsafe { AtomicI32::from_ptr(flag) }.load(Ordering::Relaxed) == 0
    }
}

/// What became of the ranges that failed: pairs of index and Error, or null when all went well.
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

/// Copies ranges back to back into pieces of memory that only this job writes.
pub struct ReadRanges {
    pub(crate) file: Arc<MappedFile>,
    pub(crate) ranges: Vec<Range>,
    pub(crate) targets: Vec<Uint8Array>,
    pub(crate) unwanted: Unwanted,
}

impl Work for ReadRanges {
    type Done = Failures;
    type Answer<'env> = Either<Array<'env>, Null>;

    fn work(&mut self) -> faultless_mapping::Result<Failures> {
        // SAFETY: lib/ passes memory of its own that it shows nobody before the job is done; the arrays keep it alive, and do
        // not overlap.
        let parts = self.targets.iter_mut().map(|target| unsafe { target.as_mut() });
        let mut target: Scattered = parts.collect();
        Ok(faultless_mapping::read_ranges(&self.file, &self.ranges, &mut target, |index| {
            self.unwanted.wants(index)
        }))
    }

    fn answer<'env>(&mut self, env: &'env Env, done: Failures) -> Result<Self::Answer<'env>> {
        failures_to_js(env, &done)
    }
}

/// Brings ranges into the page table.
pub struct PopulateRanges {
    pub(crate) file: Arc<MappedFile>,
    pub(crate) ranges: Vec<Range>,
    pub(crate) purpose: Purpose,
    pub(crate) unwanted: Unwanted,
}

impl Work for PopulateRanges {
    type Done = Failures;
    type Answer<'env> = Either<Array<'env>, Null>;

    fn work(&mut self) -> faultless_mapping::Result<Failures> {
        let wanted = |index| self.unwanted.wants(index);
        faultless_mapping::populate_ranges(&self.file, &self.ranges, self.purpose, wanted)
    }

    fn answer<'env>(&mut self, env: &'env Env, done: Failures) -> Result<Self::Answer<'env>> {
        failures_to_js(env, &done)
    }
}

/// What a file is opened from.
pub enum Source {
    Path(PathBuf),
    Descriptor(File),
}

/// Opens and maps a file.
pub struct OpenFile {
    /// Taken by the job.
    pub(crate) source: Option<Source>,
    pub(crate) writable: bool,
}

impl Work for OpenFile {
    type Done = MappedFile;
    type Answer<'env> = NativeFile;

    fn work(&mut self) -> faultless_mapping::Result<MappedFile> {
        match self.source.take() {
            Some(Source::Path(path)) if self.writable => MappedFile::open_writable(&path),
            Some(Source::Path(path)) => MappedFile::open(&path),
            Some(Source::Descriptor(file)) => MappedFile::from_descriptor(file, self.writable),
            None => Err(CoreError::Cancelled),
        }
    }

    fn answer(&mut self, _env: &Env, done: MappedFile) -> Result<NativeFile> {
        Ok(NativeFile::new(Arc::new(done)))
    }
}

/// Looks at an open file again.
pub struct Refresh {
    pub(crate) file: Arc<MappedFile>,
    pub(crate) forgiving: bool,
}

impl Work for Refresh {
    type Done = MappedFile;
    type Answer<'env> = NativeFile;

    fn work(&mut self) -> faultless_mapping::Result<MappedFile> {
        if self.forgiving { self.file.refreshed() } else { self.file.grown() }
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
        Ok(self.file.residency(self.range.offset, self.range.length))
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

/// Reads the file that is at a path now, as much as goes into the target. Without one, a result of more than `most` bytes is
/// left to the caller, who gets the file.
pub struct ReadPath {
    pub(crate) path: PathBuf,
    pub(crate) idle: Duration,
    pub(crate) offset: u64,
    pub(crate) target: Option<Uint8Array>,
    pub(crate) most: usize,
    pub(crate) unwanted: Unwanted,
}

/// What has become of it.
pub enum PathRead {
    Filled(usize),
    Made(Vec<u8>),
    TooLong(Arc<MappedFile>),
}

impl Work for ReadPath {
    type Done = PathRead;
    type Answer<'env> = Either3<f64, BufferSlice<'env>, NativeFile>;

    fn work(&mut self) -> faultless_mapping::Result<PathRead> {
        let file = faultless_mapping::open_path(&self.path, self.idle)?;
        let rest = file.byte_length().saturating_sub(self.offset);
        let most = self.target.as_ref().map_or(self.most, |target| target.len());
        let length = match usize::try_from(rest) {
            Ok(rest) if rest <= most => rest,
            _ if self.target.is_some() => most,
            _ => return Ok(PathRead::TooLong(file)),
        };
        let range = Range { offset: self.offset.min(file.byte_length()), length };
        let read = |bytes: &mut [u8]| {
            let wanted = |index| self.unwanted.wants(index);
            match faultless_mapping::read_ranges(&file, &[range], bytes, wanted).into_iter().next() {
                Some((_, error)) => Err(error),
                None => Ok(()),
            }
        };
        if let Some(target) = &mut self.target {
            // SAFETY: lib/ passes memory of its own that it shows nobody before the job is done; the array keeps it alive.
            read(&mut unsafe { target.as_mut() }[..length])?;
            return Ok(PathRead::Filled(length));
        }
        let mut bytes = vec![0; length];
        read(&mut bytes)?;
        Ok(PathRead::Made(bytes))
    }

    fn answer<'env>(&mut self, env: &'env Env, done: PathRead) -> Result<Self::Answer<'env>> {
        Ok(match done {
            PathRead::Filled(count) => Either3::A(number(count as u64)),
            // Into memory of V8's own: external memory makes it collect the whole heap.
            PathRead::Made(bytes) => Either3::B(BufferSlice::copy_from(env, bytes)?),
            PathRead::TooLong(file) => Either3::C(NativeFile::new(file)),
        })
    }
}
