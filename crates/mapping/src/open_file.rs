//! The open file of a handle.

use std::fs::File;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::backend::Views;

/// An open file, and the mappings whose guard uses its descriptor without keeping it open.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: File,
    guarded: Mutex<Vec<Weak<Views>>>,
}

impl OpenFile {
    pub(crate) fn new(file: File) -> Self {
        Self { file, guarded: Mutex::default() }
    }

    /// Records that the guard of a mapping uses the descriptor as long as it is open.
    pub(crate) fn guards(&self, views: &Arc<Views>) {
        let mut guarded = self.guarded.lock().unwrap_or_else(PoisonError::into_inner);
        guarded.retain(|views| views.strong_count() > 0);
        guarded.push(Arc::downgrade(views));
    }
}

impl Deref for OpenFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let guarded = std::mem::take(self.guarded.get_mut().unwrap_or_else(PoisonError::into_inner));
        for views in guarded.iter().filter_map(Weak::upgrade) {
            views.pages().forget_file();
        }
    }
}
