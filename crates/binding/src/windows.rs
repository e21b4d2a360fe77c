//! Windows: external ArrayBuffers over a copy-on-write mapping, which they keep alive.

use std::ffi::c_void;
use std::sync::Arc;

use faultless_mapping::{CopyOnWrite, Error as CoreError, Range};
use napi::bindgen_prelude::{FromNapiValue, Unknown};
use napi::{Env, Error, Result, Status, sys};

use crate::errors;

/// An `ArrayBuffer` over a range of the mapping, which lives until the last such buffer has been collected.
pub(crate) fn window<'env>(env: &'env Env, views: Arc<CopyOnWrite>, range: Range) -> Result<Unknown<'env>> {
    let address = views.address_of(range.offset).cast::<c_void>();
    let keep = Box::into_raw(Box::new(views));
    let mut buffer = std::ptr::null_mut();
    // SAFETY: the caller's range lies within the mapping; `keep` holds the mapping until V8 calls `let_go`, once, when
    // neither the `ArrayBuffer` nor its backing store is in use any more.
    let status = unsafe {
        sys::napi_create_external_arraybuffer(
            env.raw(),
            address,
            range.length,
            Some(let_go),
            keep.cast(),
            &raw mut buffer,
        )
    };
    if status != sys::Status::napi_ok {
        // SAFETY: the box was made above, and a call that failed has not taken it.
        drop(unsafe { Box::from_raw(keep) });
        if status == sys::Status::napi_no_external_buffers_allowed {
            let what =
                "this runtime allows no external buffers, so there are no views; use read() or readInto()";
            return Err(errors::to_napi(env, &CoreError::Unsupported { what }));
        }
        return Err(Error::new(Status::from(status), "no ArrayBuffer could be made for a view".to_owned()));
    }
    // SAFETY: the value was made above, in this environment.
    unsafe { Unknown::from_napi_value(env.raw(), buffer) }
}

/// Called by V8 when a window is gone for good; the unmapping itself happens on another thread.
unsafe extern "C" fn let_go(_env: sys::napi_env, _address: *mut c_void, keep: *mut c_void) {
    // SAFETY: `keep` is the box that `window` made, and V8 calls this once.
    drop(unsafe { Box::from_raw(keep.cast::<Arc<CopyOnWrite>>()) });
}
