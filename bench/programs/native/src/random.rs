//! Random reads of one file, through a mapping or conventionally, each checked by its sum.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conversation::Program;
use crate::io::Io;
use crate::strided::sum;
use crate::usage::Usage;

#[derive(Deserialize)]
pub(crate) struct Task {
    io: Io,
    path: PathBuf,
    /// Bytes of a read.
    length: usize,
    /// What each record of the file adds up to.
    sums: Vec<u64>,
}

enum Source {
    Mapped(Mmap),
    Opened(File),
}

pub(crate) struct Random {
    task: Task,
    source: Source,
    buffer: Vec<u8>,
    draw: fastrand::Rng,
}

#[derive(Serialize)]
pub(crate) struct Sample {
    reads: u64,
    rate: f64,
    #[serde(flatten)]
    usage: Usage,
}

impl Program for Random {
    type Task = Task;
    type Sample = Sample;

    fn prepare(task: Task) -> Result<Self> {
        let mut file = File::open(&task.path).with_context(|| task.path.display().to_string())?;
        // As much of it is in the page cache as fits.
        std::io::copy(&mut file, &mut std::io::sink())?;
        let source = match task.io {
            // SAFETY: the harness made the file, and nobody changes it while it is measured.
            Io::Mmap => Source::Mapped(unsafe { Mmap::map(&file) }?),
            Io::Read => Source::Opened(file),
        };
        let buffer = vec![0; task.length];
        Ok(Self { task, source, buffer, draw: fastrand::Rng::with_seed(1) })
    }

    /// First for `warmup` milliseconds, which do not count, then for `milliseconds`.
    fn measure(&mut self, word: &Value) -> Result<Sample> {
        self.read_for(word["warmup"].as_u64().unwrap_or(0))?;
        let before = Usage::of_process();
        let begun = Instant::now();
        let reads = self.read_for(word["milliseconds"].as_u64().unwrap_or(0))?;
        let took = begun.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "far fewer reads than 2^53")]
        let rate = reads as f64 / took;
        Ok(Sample { reads, rate, usage: Usage::of_process().since(before) })
    }
}

impl Random {
    fn read_for(&mut self, milliseconds: u64) -> Result<u64> {
        let end = Instant::now() + Duration::from_millis(milliseconds);
        let mut reads = 0;
        while Instant::now() < end {
            let record = self.draw.usize(..self.task.sums.len());
            let found = self.sum_of(record)?;
            ensure!(found == self.task.sums[record], "wrong answer: record {record} adds up to {found}");
            reads += 1;
        }
        Ok(reads)
    }

    fn sum_of(&mut self, record: usize) -> Result<u64> {
        let start = record * self.task.length;
        match &mut self.source {
            Source::Mapped(map) => Ok(sum(&map[start..start + self.task.length], start as u64)),
            Source::Opened(file) => {
                read_at(file, &mut self.buffer, start as u64)?;
                Ok(sum(&self.buffer, start as u64))
            }
        }
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}
