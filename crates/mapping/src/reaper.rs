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

use crate::drop_queue::{DropPolicy, DropQueue};
use crate::path_cache;

/// The kind of background threads.
enum Reaper {
    /// For local files: one thread, which also checks for idle paths.
    Local,
    /// For files on servers, which may not answer: other files are still closed as long as not all threads wait.
    Remote,
}

static LOCAL: LazyLock<DropQueue<Reaper>> = LazyLock::new(|| DropQueue::new(Reaper::Local));
static REMOTE: LazyLock<DropQueue<Reaper>> = LazyLock::new(|| DropQueue::new(Reaper::Remote));

impl DropPolicy for Reaper {
    type Value = Box<dyn Any + Send>;

    fn max_threads(&self) -> usize {
        match self {
            Self::Local => 1,
            Self::Remote => 32,
        }
    }

    fn start(queue: &'static DropQueue<Self>) -> bool {
        let name = match queue.policy {
            Self::Local => "faultless-reaper",
            Self::Remote => "faultless-remote",
        };
        let builder = thread::Builder::new().name(name.into()).stack_size(128 << 10);
        builder.spawn(|| queue.run()).is_ok()
    }

    fn check(&self) -> Option<Instant> {
        match self {
            Self::Local => path_cache::drop_idle_paths(Instant::now()),
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
            let queue = if self.local { &*LOCAL } else { &*REMOTE };
            queue.push(Box::new(value));
        }
    }
}

/// Requests a check for idle paths, because one may be due sooner than planned.
pub(crate) fn check_idle_paths() {
    LOCAL.request_check();
}

/// Waits for up to 200 ms until dropped local files are closed. Never call it on the JS thread.
pub(crate) fn wait_for_closes() {
    let end = Instant::now() + Duration::from_millis(200);
    while !LOCAL.is_idle() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}
