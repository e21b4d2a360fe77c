//! What an open file does besides being read: written, flushed, locked in memory, advised on.

#![expect(clippy::needless_pass_by_value, reason = "napi-rs gives methods their strings by value")]

use std::sync::Arc;

use faultless_mapping::{Advice, MappedFile};
use napi::bindgen_prelude::Uint8Array;
use napi::{Env, Error, Result, Status};
use napi_derive::napi;

use crate::arguments::{bytes, range};
use crate::file::{NativeFile, Scheduled, schedule};
use crate::jobs::Work;

type Act = dyn FnMut(&MappedFile) -> faultless_mapping::Result<()> + Send;

/// Something done to a file that has no answer but that it is done.
pub struct Deed {
    file: Arc<MappedFile>,
    act: Box<Act>,
}

impl Work for Deed {
    type Done = ();
    type Answer<'env> = ();

    fn work(&mut self) -> faultless_mapping::Result<()> {
        (self.act)(&self.file)
    }

    fn answer(&mut self, _env: &Env, (): ()) -> Result<()> {
        Ok(())
    }
}

impl NativeFile {
    fn deed(
        &self,
        in_any_case: bool,
        act: impl FnMut(&MappedFile) -> faultless_mapping::Result<()> + Send + 'static,
    ) -> Result<Scheduled<Deed>> {
        schedule(in_any_case, || Ok(Deed { file: Arc::clone(self.file()?), act: Box::new(act) }))
    }
}

#[napi]
impl NativeFile {
    /// Writes `data`, which is memory that nobody else changes meanwhile.
    #[napi(ts_return_type = "Promise<void> | null")]
    pub fn write(&self, in_any_case: bool, data: Uint8Array, offset: f64) -> Result<Scheduled<Deed>> {
        let offset = bytes(offset)?;
        self.deed(in_any_case, move |file| file.write(&data, offset))
    }

    /// Has a range on the device.
    #[napi(ts_return_type = "Promise<void> | null")]
    pub fn flush(&self, in_any_case: bool, offset: f64, length: f64) -> Result<Scheduled<Deed>> {
        let range = range(self.file()?, offset, length)?;
        self.deed(in_any_case, move |file| file.flush(range))
    }

    /// Keeps a range in memory.
    #[napi(ts_return_type = "Promise<void> | null")]
    pub fn lock(&self, in_any_case: bool, offset: f64, length: f64) -> Result<Scheduled<Deed>> {
        let range = range(self.file()?, offset, length)?;
        self.deed(in_any_case, move |file| file.lock(range))
    }

    /// Takes back one lock of each page of a range; to the end of all that is locked without a length.
    #[napi(ts_return_type = "Promise<void> | null")]
    pub fn unlock(&self, in_any_case: bool, offset: f64, length: Option<f64>) -> Result<Scheduled<Deed>> {
        let (offset, length) = (bytes(offset)?, length.map(bytes).transpose()?);
        self.deed(in_any_case, move |file| {
            file.unlock(offset, length);
            Ok(())
        })
    }

    /// Takes back all locks of this handle.
    #[napi(ts_return_type = "Promise<void> | null")]
    pub fn unlock_all(&self, in_any_case: bool) -> Result<Scheduled<Deed>> {
        self.deed(in_any_case, |file| {
            file.unlock_all();
            Ok(())
        })
    }

    /// Tells the kernel how a range will be used.
    #[napi(ts_return_type = "Promise<void> | null")]
    pub fn advise(
        &self,
        in_any_case: bool,
        advice: String,
        offset: f64,
        length: f64,
    ) -> Result<Scheduled<Deed>> {
        let range = range(self.file()?, offset, length)?;
        let advice = match advice.as_str() {
            "normal" => Advice::Normal,
            "random" => Advice::Random,
            "sequential" => Advice::Sequential,
            "willneed" => Advice::WillNeed,
            "dontneed" => Advice::DontNeed,
            _ => return Err(Error::new(Status::InvalidArg, "no such advice".to_owned())),
        };
        self.deed(in_any_case, move |file| file.advise(range, advice))
    }
}
