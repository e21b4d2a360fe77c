//! Converts errors of the core to errors of Node, with code, errno, syscall and path as in node:fs.

use faultless_mapping::Error as CoreError;
use napi::bindgen_prelude::{JsObjectValue, JsValue, Object, Unknown};
use napi::{Env, Error, Result, Status};

use crate::arguments::number;

/// Creates the Error object for JavaScript.
pub(crate) fn to_js<'env>(env: &'env Env, error: &CoreError) -> Result<Unknown<'env>> {
    let call = error.failed_call();
    let code = call.as_ref().map_or_else(|| code_of(error), |(_, name, _)| name);
    let text = if call.is_some() { format!("{code}: {error}") } else { error.to_string() };
    let mut object: Object<'env> = env.create_error(Error::new(Status::GenericFailure, text))?;
    object.set_named_property("code", code)?;
    if let Some((errno, _, syscall)) = &call {
        object.set_named_property("errno", -*errno)?;
        object.set_named_property("syscall", *syscall)?;
    }
    if let Some(path) = error.path() {
        object.set_named_property("path", path.to_string_lossy().into_owned())?;
    }
    if let Some(range) = error.range() {
        object.set_named_property("offset", number(range.start))?;
        object.set_named_property("length", number(range.length))?;
    }
    Ok(object.to_unknown())
}

/// Creates the same error in the form that napi-rs throws or rejects with.
pub(crate) fn to_napi(env: &Env, error: &CoreError) -> Error {
    match to_js(env, error) {
        Ok(object) => Error::from(object),
        Err(failed) => failed,
    }
}

/// The code of an error without a failed call. Other errors use the name of the error number.
fn code_of(error: &CoreError) -> &'static str {
    match error {
        CoreError::NotAFile { .. } => "ERR_NOT_A_FILE",
        CoreError::Truncated { .. } | CoreError::Lost { .. } => "ERR_FILE_TRUNCATED",
        CoreError::Cancelled => "ABORT_ERR",
        CoreError::Unsupported { .. } => "ERR_UNSUPPORTED",
        // lib/ catches this code and copies the range instead.
        CoreError::Hole => "ERR_HOLE",
        CoreError::System { .. }
        | CoreError::Range { .. }
        | CoreError::Lock { .. }
        | CoreError::ReadOnly { .. }
        | CoreError::WrongFlags { .. } => "EIO",
    }
}
