//! Background threads that close files and unmap dropped mappings. The thread for local files also checks for idle
//! paths.
//!
//! A garbage collection on a JS thread often drops the last reference. Unmapping gigabytes takes milliseconds, closing
//! the last descriptor of a deleted file frees its blocks, and closing one on a file server asks the server.

use std::any::Any;
use std::ops::Deref;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::idle_threads::{Keeper, Lane};
use crate::path_cache;

/// The kind of background threads.
enum Reaper {
    /// For local files: one thread, which also checks for idle paths.
    Local,
    /// For files on servers, which may not answer: other files are still closed as long as not all threads wait.
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

/// A value that a background thread drops.
#[derive(Debug)]
pub(crate) struct Deferred<T: Send + 'static> {
    value: Option<T>,
    local: bool,
}

impl<T: Send + 'static> Deferred<T> {
    /// `local` if dropping the value asks no server.
    pub(crate) fn new(value: T, local: bool) -> Self {
        Self { value: Some(value), local }
    }
}

impl<T: Send + 'static> Deferred<T> {
    /// Takes the value out, so that the caller drops it.
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

/// Requests a check for idle paths, because one may be due sooner than planned.
pub(crate) fn look_at_paths() {
    LOCAL.ask_for_look();
}

/// Waits for up to 200 ms until dropped local files are closed. Never call it on the JS thread.
pub(crate) fn close_what_is_let_go_of() {
    let end = Instant::now() + Duration::from_millis(200);
    while !LOCAL.is_at_rest() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}
