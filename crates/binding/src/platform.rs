//! What this machine and runtime can do, and the one way in that only benchmarks and tests take.

use std::path::PathBuf;
use std::sync::Arc;

use faultless_mapping::{MappedFile, Range};
use napi::bindgen_prelude::{JsObjectValue, Object, Unknown};
use napi::{Env, Result, sys};
use napi_derive::napi;

use crate::arguments::number;
use crate::jobs::pool_size;
use crate::{errors, external};

/// See `capabilities()` in index.ts.
#[napi(ts_return_type = "Record<string, boolean | number | string>")]
pub fn capabilities(env: &Env) -> Result<Object<'_>> {
    let found = faultless_mapping::capabilities();
    let mut object = Object::new(env)?;
    object.set_named_property("kernel", found.kernel.as_str())?;
    object.set_named_property("pageSize", number(faultless_mapping::page_size() as u64))?;
    object
        .set_named_property("populate", if found.populate_read { "MADV_POPULATE_READ" } else { "touch" })?;
    object.set_named_property("residencyByPageTable", found.page_table)?;
    object.set_named_property("guard", faultless_mapping::guard::wanted())?;
    object.set_named_property("externalBuffers", allows_external_buffers(env))?;
    object.set_named_property("poolSize", number(pool_size() as u64))?;
    Ok(object)
}

/// Electron forbids them; the one way to know is to try.
fn allows_external_buffers(env: &Env) -> bool {
    static BYTE: u8 = 0;
    let mut buffer = std::ptr::null_mut();
    let address = (&raw const BYTE).cast_mut().cast();
    // SAFETY: one byte that lives for ever, which nobody gets to see, let alone to write; there is nothing to let go of.
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

/// Maps a file and hands it out as it is, nothing faulted in: every touch does its disk I/O on the JS thread. What this
/// package exists to avoid, for measurements that compare with it.
#[napi(ts_return_type = "ArrayBuffer")]
pub fn unpopulated_window<'env>(env: &'env Env, path: &[u8]) -> Result<Unknown<'env>> {
    use std::os::unix::ffi::OsStringExt;
    let path = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
    let opened = MappedFile::open(&path).and_then(|file| Ok((file.views()?, file)));
    let (views, file) = opened.map_err(|error| errors::to_napi(env, &error))?;
    let length = usize::try_from(file.byte_length()).unwrap_or(usize::MAX);
    external::window(env, Arc::clone(&views), Range { offset: 0, length })
}
