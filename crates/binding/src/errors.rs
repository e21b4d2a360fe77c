//! The one place where an error of the core becomes an error of Node: code, errno, syscall and path, like node:fs.

use faultless_mapping::Error as CoreError;
use napi::bindgen_prelude::{JsObjectValue, JsValue, Object, Unknown};
use napi::{Env, Error, Result, Status};

use crate::arguments::number;

/// The Error object that JavaScript sees.
pub(crate) fn to_js<'env>(env: &'env Env, error: &CoreError) -> Result<Unknown<'env>> {
    let code = code_of(error);
    let text = match error {
        CoreError::System { .. } | CoreError::Range { .. } => format!("{code}: {error}"),
        _ => error.to_string(),
    };
    let mut object: Object<'env> = env.create_error(Error::new(Status::GenericFailure, text))?;
    object.set_named_property("code", code)?;
    match error {
        CoreError::System { errno, syscall, path } => {
            object.set_named_property("errno", -errno.raw_os_error())?;
            object.set_named_property("syscall", *syscall)?;
            object.set_named_property("path", path.to_string_lossy().into_owned())?;
        }
        CoreError::Range { errno, syscall, path, range } => {
            object.set_named_property("errno", -errno.raw_os_error())?;
            object.set_named_property("syscall", *syscall)?;
            object.set_named_property("path", path.to_string_lossy().into_owned())?;
            set_range(&mut object, *range)?;
        }
        CoreError::Truncated { path, range, .. } => {
            object.set_named_property("path", path.to_string_lossy().into_owned())?;
            set_range(&mut object, *range)?;
        }
        CoreError::NotAFile { path, .. } => {
            object.set_named_property("path", path.to_string_lossy().into_owned())?;
        }
        _ => {}
    }
    Ok(object.to_unknown())
}

fn set_range(object: &mut Object<'_>, range: faultless_mapping::ByteRange) -> Result<()> {
    object.set_named_property("offset", number(range.start))?;
    object.set_named_property("length", number(range.length))
}

/// The same as an error that napi-rs throws or rejects with.
pub(crate) fn to_napi(env: &Env, error: &CoreError) -> Error {
    match to_js(env, error) {
        Ok(object) => Error::from(object),
        Err(failed) => failed,
    }
}

fn code_of(error: &CoreError) -> String {
    match error {
        CoreError::System { errno, .. } | CoreError::Range { errno, .. } => {
            format!("{:?}", nix::errno::Errno::from_raw(errno.raw_os_error()))
        }
        CoreError::NotAFile { .. } => "ERR_NOT_A_FILE".to_owned(),
        CoreError::Truncated { .. } => "ERR_FILE_TRUNCATED".to_owned(),
        CoreError::Cancelled => "ABORT_ERR".to_owned(),
        _ => "ERR_UNSUPPORTED".to_owned(),
    }
}
