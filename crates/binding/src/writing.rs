//! Operations on an open file other than reading: writing, flushing, locking, evicting and advising.

#![expect(clippy::needless_pass_by_value, reason = "napi-rs gives methods their strings by value")]

use std::sync::Arc;

use faultless_mapping::{Advice, MappedFile};
use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi::{Env, Error, Result, Status};
use napi_derive::napi;

use crate::arguments::{bytes, number, range};
use crate::file::NativeFile;
use crate::jobs::{Job, Work, schedule};

type Act = dyn FnMut(&MappedFile) -> faultless_mapping::Result<()> + Send;

/// A job on a file that resolves to undefined.
pub struct FileJob {
    file: Arc<MappedFile>,
    act: Box<Act>,
}

impl Work for FileJob {
    type Done = ();
    type Answer<'env> = ();

    fn work(&mut self) -> faultless_mapping::Result<()> {
        (self.act)(&self.file)
    }

    fn answer(&mut self, _env: &Env, (): ()) -> Result<()> {
        Ok(())
    }
}

/// A job that appends bytes to a file.
pub struct Append {
    file: Arc<MappedFile>,
    data: Uint8Array,
}

impl Work for Append {
    type Done = u64;
    type Answer<'env> = f64;

    fn work(&mut self) -> faultless_mapping::Result<u64> {
        self.file.append(&self.data)
    }

    fn answer(&mut self, _env: &Env, start: u64) -> Result<f64> {
        Ok(number(start))
    }
}

impl NativeFile {
    fn file_job(
        &self,
        act: impl FnMut(&MappedFile) -> faultless_mapping::Result<()> + Send + 'static,
    ) -> Result<AsyncTask<Job<FileJob>>> {
        schedule(FileJob { file: Arc::clone(self.file()?), act: Box::new(act) })
    }
}

#[napi]
impl NativeFile {
    /// Writes `data`, which must not change meanwhile.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn write(&self, data: Uint8Array, offset: f64) -> Result<AsyncTask<Job<FileJob>>> {
        let offset = bytes(offset)?;
        self.file_job(move |file| file.write(&data, offset))
    }

    /// Appends `data`, which must not change meanwhile, to the file; resolves to the offset of its first byte.
    #[napi(ts_return_type = "Promise<number>")]
    pub fn append(&self, data: Uint8Array) -> Result<AsyncTask<Job<Append>>> {
        schedule(Append { file: Arc::clone(self.file()?), data })
    }

    /// Sets the size of the file.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn truncate(&self, size: f64) -> Result<AsyncTask<Job<FileJob>>> {
        let size = bytes(size)?;
        self.file_job(move |file| file.truncate(size))
    }

    /// Allocates disk space for the first bytes of the file.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn reserve(&self, length: f64) -> Result<AsyncTask<Job<FileJob>>> {
        let length = bytes(length)?;
        self.file_job(move |file| file.reserve(length))
    }

    /// Waits until a range is on the device.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn flush(&self, offset: f64, length: f64) -> Result<AsyncTask<Job<FileJob>>> {
        let range = range(self.file()?, offset, length)?;
        self.file_job(move |file| file.flush(range))
    }

    /// Locks a range in memory.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn lock(&self, offset: f64, length: f64) -> Result<AsyncTask<Job<FileJob>>> {
        let range = range(self.file()?, offset, length)?;
        self.file_job(move |file| file.lock(range))
    }

    /// Undoes one lock of each page of a range; without a length, to the last locked page.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn unlock(&self, offset: f64, length: Option<f64>) -> Result<AsyncTask<Job<FileJob>>> {
        let (offset, length) = (bytes(offset)?, length.map(bytes).transpose()?);
        self.file_job(move |file| {
            file.unlock(offset, length);
            Ok(())
        })
    }

    /// Undoes all locks of this handle.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn unlock_all(&self) -> Result<AsyncTask<Job<FileJob>>> {
        self.file_job(|file| {
            file.unlock_all();
            Ok(())
        })
    }

    /// Evicts a range from memory.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn evict(&self, offset: f64, length: f64) -> Result<AsyncTask<Job<FileJob>>> {
        let range = range(self.file()?, offset, length)?;
        self.file_job(move |file| file.evict(range))
    }

    /// Replaces the mapped bytes of views by zeros, and closes the open file.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn unmap_views(&self) -> Result<AsyncTask<Job<FileJob>>> {
        self.file_job(MappedFile::unmap_views)
    }

    /// Advises the kernel how a range will be used.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn advise(&self, advice: String, offset: f64, length: f64) -> Result<AsyncTask<Job<FileJob>>> {
        let range = range(self.file()?, offset, length)?;
        let advice = match advice.as_str() {
            "normal" => Advice::Normal,
            "random" => Advice::Random,
            "sequential" => Advice::Sequential,
            "willneed" => Advice::WillNeed,
            "dontneed" => Advice::DontNeed,
            _ => return Err(Error::new(Status::InvalidArg, "unknown advice".to_owned())),
        };
        self.file_job(move |file| file.advise(range, advice))
    }
}
