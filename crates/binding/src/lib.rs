//! The Node addon of faultless: converts arguments, schedules on the libuv pool, and decides nothing.
//!
//! Only `lib/` calls it, with arguments that it has checked; what could break memory safety is checked here again.

#![expect(
    unreachable_pub,
    reason = "what #[napi] exports must be public, and Node is the only one who reaches it"
)]

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
