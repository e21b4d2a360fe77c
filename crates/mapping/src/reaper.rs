//! Deferred drops: threads that close and unmap what others have let go of, and a look at idle paths when one is due.
//!
//! The last reference is often dropped by a garbage collection on a JS thread. Unmapping gigabytes takes milliseconds, closing the
//! last descriptor of a deleted file frees its blocks, and closing one on a file server asks the server.

use std::any::Any;
use std::ops::Deref;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::idle_threads::{Keeper, Lane};
use crate::path_cache;

/// Who drops what has been let go of.
enum Reaper {
    /// For what asks no server: one thread, which also looks at the idle paths.
    Local,
    /// For what may wait for a server: as long as fewer than all threads are stuck, others come through.
    Remote,
}

static LOCAL: LazyLock<Lane<Reaper>> = LazyLock::new(|| Lane::new(Reaper::Local));
static REMOTE: LazyLock<Lane<Reaper>> = LazyLock::new(|| Lane::new(Reaper::Remote));

impl Keeper for Reaper {
    type Value = Box<dyn Any + Send>;

    fn most_threads(&self) -> usize {
        match self {
            Self::Local => 1,
            Self::Remote => 32,
        }
    }

    fn start(lane: &'static Lane<Self>) -> bool {
        let name = match lane.keeper {
            Self::Local => "faultless-reaper",
            Self::Remote => "faultless-remote",
        };
        let builder = thread::Builder::new().name(name.into()).stack_size(128 << 10);
        builder.spawn(|| lane.run()).is_ok()
    }

    fn look(&self) -> Option<Instant> {
        match self {
            Self::Local => path_cache::drop_idle(Instant::now()),
            Self::Remote => None,
        }
    }
}

/// A value that is dropped by a thread of ours instead of by the one that lets go of it.
#[derive(Debug)]
pub(crate) struct Deferred<T: Send + 'static> {
    value: Option<T>,
    local: bool,
}

impl<T: Send + 'static> Deferred<T> {
    /// `local` if dropping it asks no server.
    pub(crate) fn new(value: T, local: bool) -> Self {
        Self { value: Some(value), local }
    }
}

impl<T: Send + 'static> Deferred<T> {
    /// The value, for whoever drops it otherwise.
    pub(crate) fn into_inner(mut self) -> T {
        match self.value.take() {
            Some(value) => value,
            None => unreachable!("only drop and this take the value out"),
        }
    }
}

impl<T: Send + 'static> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("only drop takes the value out"),
        }
    }
}

impl<T: Send + 'static> Drop for Deferred<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            let lane = if self.local { &*LOCAL } else { &*REMOTE };
            lane.push(Box::new(value));
        }
    }
}

/// Has the idle paths looked at again, because one may be due sooner than was known.
pub(crate) fn look_at_paths() {
    LOCAL.ask_for_look();
}

/// Waits until local files that were let go of are closed, for a moment at most. Never on the JS thread.
pub(crate) fn close_what_is_let_go_of() {
    let end = Instant::now() + Duration::from_millis(200);
    while !LOCAL.is_at_rest() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}
