//! The command line: how many threads loop over buffers of which size, and what malloc is told before.

use lexopt::prelude::{Long, ValueExt};

use crate::Failure;

/// What is asked for.
pub(crate) struct Options {
    pub(crate) threads: u64,
    /// Of the largest buffer; the smallest is half of it.
    pub(crate) bytes: usize,
    /// Parameters of `mallopt` with their values, in the order given.
    tuning: Vec<(Parameter, i32)>,
}

/// What `mallopt` can be told, by the name of its option.
#[derive(Clone, Copy)]
enum Parameter {
    Threshold,
    Trim,
    Pad,
    Arenas,
}

impl Options {
    /// Of this process.
    pub(crate) fn parse() -> Result<Self, lexopt::Error> {
        let mut options = Self { threads: 1, bytes: 1 << 20, tuning: Vec::new() };
        let mut words = lexopt::Parser::from_env();
        while let Some(word) = words.next()? {
            let parameter = match word {
                Long("threads") => {
                    options.threads = words.value()?.parse()?;
                    continue;
                }
                Long("bytes") => {
                    options.bytes = words.value()?.parse()?;
                    continue;
                }
                Long("threshold") => Parameter::Threshold,
                Long("trim") => Parameter::Trim,
                Long("pad") => Parameter::Pad,
                Long("arenas") => Parameter::Arenas,
                other => return Err(other.unexpected()),
            };
            options.tuning.push((parameter, words.value()?.parse()?));
        }
        if options.threads == 0 || options.bytes < 64 {
            return Err("--threads must be at least 1, --bytes at least 64".into());
        }
        Ok(options)
    }

    /// Tells malloc, before any thread but this one exists.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    pub(crate) fn tune(&self) -> Result<(), Failure> {
        for &(parameter, value) in &self.tuning {
            let number = match parameter {
                Parameter::Threshold => libc::M_MMAP_THRESHOLD,
                Parameter::Trim => libc::M_TRIM_THRESHOLD,
                Parameter::Pad => libc::M_TOP_PAD,
                Parameter::Arenas => libc::M_ARENA_MAX,
            };
            // SAFETY: a setting of the allocator, which takes its own lock; it answers 0 to what it does not accept.
            if unsafe { libc::mallopt(number, value) } == 0 {
                return Err(format!("mallopt refused {value} for parameter {number}").into());
            }
        }
        Ok(())
    }

    /// Only glibc can be told.
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    pub(crate) fn tune(&self) -> Result<(), Failure> {
        if self.tuning.is_empty() { Ok(()) } else { Err("only the malloc of glibc can be tuned".into()) }
    }
}
