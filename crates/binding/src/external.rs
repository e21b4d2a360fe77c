//! `ArrayBuffers` over memory that V8 does not own: ranges of the mapping for views, which threads may share, and
//! memory of jemalloc.

use std::ffi::c_void;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};

use faultless_allocator::jemalloc::Block;
use faultless_mapping::{Error as CoreError, Range, Views};
use napi::bindgen_prelude::{FromNapiValue, Unknown};
use napi::{Env, Error, Result, Status, sys};

use crate::errors;

/// An `ArrayBuffer` over a range of the mapping. The mapping lives until the last such buffer has been collected.
pub(crate) fn window(env: &Env, views: Arc<Views>, range: Range) -> Result<Unknown<'_>> {
    let address = views.address_of(range.offset);
    // SAFETY: the caller's range lies within the mapping, which `views` keeps.
    match unsafe { external(env, address, range.length, views) } {
        Err(error) if error.status == Status::NoExternalBuffersAllowed => {
            let what =
                "this runtime allows no external buffers, so there are no views; use read() or readInto()";
            Err(errors::to_napi(env, &CoreError::Unsupported { what }))
        }
        outcome => outcome,
    }
}

/// Creates a `SharedArrayBuffer` over external memory. Its finalizer may run on any thread, also after the environment
/// has ended.
type CreateShared = unsafe extern "C" fn(
    sys::napi_env,
    *mut c_void,
    usize,
    Option<unsafe extern "C" fn(*mut c_void, *mut c_void)>,
    *mut c_void,
    *mut sys::napi_value,
) -> sys::napi_status;

/// Looks up the function in this Node. Linking to it would keep the addon from loading in a Node without it.
fn create_shared() -> Option<CreateShared> {
    static FOUND: OnceLock<Option<CreateShared>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        #[cfg(target_os = "linux")]
        {
            // SAFETY: the name ends in a zero, and looking it up changes nothing.
            let found = unsafe {
                libc::dlsym(libc::RTLD_DEFAULT, c"node_api_create_external_sharedarraybuffer".as_ptr())
            };
            // SAFETY: a Node that exports this name exports it with this signature, as its documentation says;
            // otherwise the result is null.
            unsafe { std::mem::transmute::<*mut c_void, Option<CreateShared>>(found) }
        }
        #[cfg(not(target_os = "linux"))]
        None
    })
}

/// Whether [`shared_window`] works in this runtime.
pub(crate) fn can_share() -> bool {
    create_shared().is_some()
}

/// A `SharedArrayBuffer` over a range of the mapping. The mapping lives until the last thread has dropped its
/// reference.
pub(crate) fn shared_window(env: &Env, views: Arc<Views>, range: Range) -> Result<Unknown<'_>> {
    let Some(create) = create_shared() else {
        let what =
            "this Node has no SharedArrayBuffers over external memory; use Node 22.23, 24.16, 26.1 or newer";
        return Err(errors::to_napi(env, &CoreError::Unsupported { what }));
    };
    let address = views.address_of(range.offset);
    let keep = Box::into_raw(Box::new(views));
    let mut buffer = std::ptr::null_mut();
    // SAFETY: the caller's range lies within the mapping. `keep` holds it until V8 calls `finalize_on_any_thread`,
    // once, when no thread has the `SharedArrayBuffer` any more.
    let status = unsafe {
        create(
            env.raw(),
            address.cast(),
            range.length,
            Some(finalize_on_any_thread::<Arc<Views>>),
            keep.cast(),
            &raw mut buffer,
        )
    };
    if status != sys::Status::napi_ok {
        // SAFETY: the box was made above, and a call that failed has not taken it.
        drop(unsafe { Box::from_raw(keep) });
        let what = "no SharedArrayBuffer could be created over mapped memory".to_owned();
        return Err(Error::new(Status::from(status), what));
    }
    // SAFETY: the value was made above, in this environment.
    unsafe { Unknown::from_napi_value(env.raw(), buffer) }
}

/// An `ArrayBuffer` of `length` bytes with arbitrary contents, from jemalloc; `None` where no memory is left, or the
/// runtime allows no external buffers.
pub(crate) fn block(env: &Env, length: usize) -> Result<Option<Unknown<'_>>> {
    let Some(block) = Block::allocate(length) else { return Ok(None) };
    let address = block.as_ptr();
    // SAFETY: the block has this length, and lives in the box that keeps it.
    match unsafe { external(env, address, length, block) } {
        Err(error) if error.status == Status::NoExternalBuffersAllowed => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// An `ArrayBuffer` over a counter that is never freed; `None` where the runtime allows no external buffers.
pub(crate) fn counter<'env>(env: &'env Env, counter: &'static AtomicU32) -> Result<Option<Unknown<'env>>> {
    // SAFETY: the counter is never freed, and lib/ only reads it.
    match unsafe { external(env, counter.as_ptr().cast(), size_of::<AtomicU32>(), ()) } {
        Err(error) if error.status == Status::NoExternalBuffersAllowed => Ok(None),
        outcome => outcome.map(Some),
    }
}

/// An `ArrayBuffer` over `length` bytes at `address`. `keep` is dropped when V8 no longer uses them.
///
/// # Safety
/// The bytes stay valid as long as `keep` lives, and only JavaScript and the jobs that it starts touch them.
unsafe fn external<T: Send>(env: &Env, address: *mut u8, length: usize, keep: T) -> Result<Unknown<'_>> {
    let keep = Box::into_raw(Box::new(keep));
    let mut buffer = std::ptr::null_mut();
    // SAFETY: the caller vouches for the bytes, and `keep` holds them until V8 calls `finalize`, once, when neither the
    // `ArrayBuffer` nor its backing store is in use any more.
    let status = unsafe {
        sys::napi_create_external_arraybuffer(
            env.raw(),
            address.cast(),
            length,
            Some(finalize::<T>),
            keep.cast(),
            &raw mut buffer,
        )
    };
    if status != sys::Status::napi_ok {
        // SAFETY: the box was made above, and a call that failed has not taken it.
        drop(unsafe { Box::from_raw(keep) });
        return Err(Error::new(
            Status::from(status),
            "no ArrayBuffer could be created over external memory".to_owned(),
        ));
    }
    // SAFETY: the value was made above, in this environment.
    unsafe { Unknown::from_napi_value(env.raw(), buffer) }
}

/// Called by V8 on the JS thread when it no longer uses external memory. Background threads do the slow part.
unsafe extern "C" fn finalize<T>(_env: sys::napi_env, _address: *mut c_void, keep: *mut c_void) {
    // SAFETY: `keep` is the box that `external` made, and V8 calls this once.
    drop(unsafe { Box::from_raw(keep.cast::<T>()) });
}

/// The finalizer of shared memory: V8 calls it on the thread that dropped the last reference.
unsafe extern "C" fn finalize_on_any_thread<T: Send>(_address: *mut c_void, keep: *mut c_void) {
    // SAFETY: `keep` is the box that `shared_window` made, and V8 calls this once.
    drop(unsafe { Box::from_raw(keep.cast::<T>()) });
}
