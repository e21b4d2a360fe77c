//! The one place that knows which operating system this is.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(target_os = "linux")]
pub use linux::{Capabilities, capabilities, page_size};

#[cfg(not(target_os = "linux"))]
compile_error!("faultless is written for Linux; see the platforms section of the README");
