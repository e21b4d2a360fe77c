//! What stands for mappings where files are only read: types without values, so that nothing here is ever called.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::os::{Errno, FileSystem, Stat};
use crate::page_counts::Run;
use crate::range::Range;
use crate::reaper::Deferred;

/// A shared mapping of a file.
#[derive(Debug)]
pub(crate) enum Mapping {}

/// The mapping behind views.
#[derive(Debug)]
pub enum Views {}
