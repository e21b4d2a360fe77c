//! Sums up files, asynchronously on one thread, with a thread for each, or one after the other; mapped or conventionally.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};

use crate::conversation::Program;
use crate::delay::{Delay, watched};
use crate::io::Io;
use crate::strided::sum;
use crate::usage::Usage;

/// Bytes of a read, and of a mapping between two turns of the executor.
const STEP: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Concurrency {
    Async,
    Threads,
    One,
}

#[derive(Deserialize)]
pub(crate) struct Task {
    concurrency: Concurrency,
    io: Io,
    paths: Vec<PathBuf>,
    sums: Vec<u64>,
    size: u64,
    /// Whether the files are summed up once before anything is measured.
    warm: bool,
}

enum Files {
    Mapped(Vec<Arc<Mmap>>),
    Opened(Vec<File>),
}

pub(crate) struct Sums {
    task: Task,
    files: Files,
    runtime: Runtime,
}

#[derive(Serialize)]
pub(crate) struct Sample {
    milliseconds: f64,
    rate: f64,
    #[serde(flatten)]
    usage: Usage,
    /// Of the executor, where there is one.
    delay: Option<Delay>,
}

impl Program for Sums {
    type Task = Task;
    type Sample = Sample;

    fn prepare(task: Task) -> Result<Self> {
        let open = |path: &PathBuf| File::open(path).with_context(|| path.display().to_string());
        let opened = task.paths.iter().map(open).collect::<Result<Vec<_>>>()?;
        let files = match task.io {
            Io::Mmap => {
                // SAFETY: the harness made the files, and nobody changes them while they are measured.
                let map = |file: &File| unsafe { Mmap::map(file) }.map(Arc::new);
                Files::Mapped(opened.iter().map(map).collect::<std::io::Result<_>>()?)
            }
            Io::Read => Files::Opened(opened),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let mut sums = Self { task, files, runtime };
        if sums.task.warm {
            sums.sum_all()?;
        }
        Ok(sums)
    }

    fn measure(&mut self, _word: &Value) -> Result<Sample> {
        let before = Usage::of_process();
        let begun = Instant::now();
        let (found, delay) = self.sum_all()?;
        let took = begun.elapsed().as_secs_f64();
        let usage = Usage::of_process().since(before);
        ensure!(found == self.task.sums, "wrong answer: the sums are {found:?}, not {:?}", self.task.sums);
        #[expect(clippy::cast_precision_loss, reason = "files of far less than 2^53 bytes")]
        let bytes = (self.task.size * self.task.paths.len() as u64) as f64;
        Ok(Sample { milliseconds: took * 1e3, rate: bytes / took, usage, delay })
    }
}

impl Sums {
    fn sum_all(&mut self) -> Result<(Vec<u64>, Option<Delay>)> {
        Ok(match (&self.task.concurrency, &mut self.files) {
            (Concurrency::One, Files::Mapped(maps)) => (maps.iter().map(|map| sum(map, 0)).collect(), None),
            (Concurrency::One, Files::Opened(files)) => {
                (files.iter_mut().map(sum_read).collect::<Result<_>>()?, None)
            }
            (Concurrency::Threads, Files::Mapped(maps)) => {
                (in_threads(maps.iter(), |map| Ok(sum(map, 0)))?, None)
            }
            (Concurrency::Threads, Files::Opened(files)) => (in_threads(files.iter_mut(), sum_read)?, None),
            (Concurrency::Async, Files::Mapped(maps)) => {
                let work = maps.iter().map(|map| sum_mapped_async(Arc::clone(map)));
                at_once(&self.runtime, work)?
            }
            (Concurrency::Async, Files::Opened(files)) => {
                let copies = files.iter().map(File::try_clone).collect::<std::io::Result<Vec<_>>>()?;
                at_once(&self.runtime, copies.into_iter().map(sum_read_async))?
            }
        })
    }
}

fn sum_read(file: &mut File) -> Result<u64> {
    file.rewind()?;
    let mut buffer = vec![0; STEP];
    let (mut total, mut offset) = (0, 0);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(total);
        }
        total += sum(&buffer[..count], offset);
        offset += count as u64;
    }
}

async fn sum_read_async(file: File) -> Result<u64> {
    let mut file = tokio::fs::File::from_std(file);
    file.rewind().await?;
    let mut buffer = vec![0; STEP];
    let (mut total, mut offset) = (0, 0);
    loop {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            return Ok(total);
        }
        total += sum(&buffer[..count], offset);
        offset += count as u64;
    }
}

/// As kind to others as code can be that does not know that indexing waits: it yields after each step.
async fn sum_mapped_async(map: Arc<Mmap>) -> Result<u64> {
    let mut total = 0;
    for (index, step) in map.chunks(STEP).enumerate() {
        total += sum(step, (index * STEP) as u64);
        yield_now().await;
    }
    Ok(total)
}

fn in_threads<T: Send>(
    files: impl Iterator<Item = T>,
    work: impl Fn(T) -> Result<u64> + Sync,
) -> Result<Vec<u64>> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = files.map(|file| scope.spawn(move || work(file))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<u64>>| {
            thread.join().map_err(|_| anyhow!("a thread panicked"))?
        };
        threads.into_iter().map(join).collect()
    })
}

fn at_once<F>(runtime: &Runtime, work: impl Iterator<Item = F>) -> Result<(Vec<u64>, Option<Delay>)>
where
    F: Future<Output = Result<u64>> + 'static,
{
    let (sums, delay) = watched(runtime, async {
        let mut tasks = JoinSet::new();
        for (index, file) in work.enumerate() {
            tasks.spawn_local(async move { (index, file.await) });
        }
        let mut sums = tasks.join_all().await;
        sums.sort_unstable_by_key(|&(index, _)| index);
        sums.into_iter().map(|(_, sum)| sum).collect::<Result<Vec<_>>>()
    });
    Ok((sums?, Some(delay)))
}
