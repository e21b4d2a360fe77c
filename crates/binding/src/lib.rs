//! The Node addon of faultless: converts arguments and schedules jobs on the libuv pool. The core makes all decisions.
//!
//! Only `lib/` calls it, with arguments that it has checked. Arguments that could break memory safety are checked here
//! again.

#![expect(unreachable_pub, reason = "exports of #[napi] must be public, and only Node uses them")]

mod allocator;
mod arguments;
mod environment;
mod errors;
mod external;
mod file;
mod jobs;
mod platform;
mod reader;
mod symbols;
mod writing;
