//! How a program gets at the bytes of a file.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Io {
    Mmap,
    Read,
}
