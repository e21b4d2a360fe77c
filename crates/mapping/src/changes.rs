//! One number that counts what handles have to notice: changed sizes of files, and lost bytes of views.

use std::sync::atomic::{AtomicU32, Ordering};

static CHANGES: AtomicU32 = AtomicU32::new(0);

/// The number that each change increments: a handle compares it to learn that nothing has changed. It is never freed.
#[must_use]
pub fn changes() -> &'static AtomicU32 {
    &CHANGES
}

/// Counts a change that is visible now. Async-signal-safe.
pub(crate) fn count_change() {
    CHANGES.fetch_add(1, Ordering::Release);
}
