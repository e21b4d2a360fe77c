//! Capabilities of this machine and runtime, and one function for benchmarks and tests only.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use faultless_mapping::{Advice, MappedFile, Range};
use napi::bindgen_prelude::{JsObjectValue, Object, Unknown};
use napi::{Env, Result, sys};
use napi_derive::napi;

use crate::arguments::{number, path_from};
use crate::environment::pool_size;
use crate::{errors, external};

/// See `capabilities()` in index.ts.
#[napi(ts_return_type = "Record<string, boolean | number | string>")]
pub fn capabilities(env: &Env) -> Result<Object<'_>> {
    let found = faultless_mapping::capabilities();
    let mut object = Object::new(env)?;
    object.set_named_property("pageSize", number(faultless_mapping::page_size() as u64))?;
    object.set_named_property("populate", found.populate)?;
    object.set_named_property("residencyByPageTable", found.page_table)?;
    object.set_named_property("guard", found.guard)?;
    object.set_named_property("mapping", found.mapping)?;
    let external_buffers = allows_external_buffers(env);
    object.set_named_property("externalBuffers", external_buffers)?;
    object.set_named_property("sharedViews", found.mapping && external_buffers && external::can_share())?;
    object.set_named_property("jemalloc", faultless_allocator::jemalloc::IS_LINKED && external_buffers)?;
    object.set_named_property("tune", faultless_allocator::can_tune().is_ok())?;
    object.set_named_property("poolSize", number(pool_size() as u64))?;
    Ok(object)
}

/// Electron forbids them; the only way to detect that is to try.
fn allows_external_buffers(env: &Env) -> bool {
    static BYTE: u8 = 0;
    let mut buffer = std::ptr::null_mut();
    let address = (&raw const BYTE).cast_mut().cast();
    // SAFETY: one byte that is never freed and that no code reads or writes; there is no finalizer.
    let status = unsafe {
        sys::napi_create_external_arraybuffer(
            env.raw(),
            address,
            1,
            None,
            std::ptr::null_mut(),
            &raw mut buffer,
        )
    };
    status == sys::Status::napi_ok
}

/// Memory with the number that each change of a size, and each loss of bytes of a view, increments. JavaScript only
/// reads it; null where the runtime allows no external buffers.
#[napi(ts_return_type = "ArrayBuffer | null")]
pub fn changes(env: &Env) -> Result<Option<Unknown<'_>>> {
    external::counter(env, faultless_mapping::changes())
}

/// That number.
#[napi]
pub fn count_changes() -> u32 {
    faultless_mapping::changes().load(Ordering::Acquire)
}

/// Maps a file and hands it out unpopulated: every touch does its disk I/O on the JS thread. Measurements use it to
/// show the cost that this package avoids.
#[napi(ts_return_type = "ArrayBuffer")]
pub fn unpopulated_window<'env>(env: &'env Env, path: &[u8]) -> Result<Unknown<'env>> {
    let opened = MappedFile::open(&path_from(path), false).and_then(|file| {
        // The default advice, as for any other mapping of a file.
        file.advise(Range { offset: 0, length: 0 }, Advice::Normal)?;
        Ok((file.views()?, file))
    });
    let (views, file) = opened.map_err(|error| errors::to_napi(env, &error))?;
    let length = usize::try_from(file.byte_length()).unwrap_or(usize::MAX);
    external::window(env, Arc::clone(&views), Range { offset: 0, length })
}
