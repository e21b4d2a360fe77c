//! Names of functions, exported to JavaScript.

use std::path::PathBuf;

use napi::Result;
use napi_derive::napi;

use crate::arguments::bytes;

/// The names of the functions at these offsets of a file; null for an offset without a named function.
#[napi(catch_unwind)]
pub fn function_names(path: String, offsets: Vec<f64>) -> Result<Vec<Option<String>>> {
    let offsets = offsets.into_iter().map(bytes).collect::<Result<Vec<u64>>>()?;
    Ok(faultless_symbols::function_names(&PathBuf::from(path), &offsets))
}
