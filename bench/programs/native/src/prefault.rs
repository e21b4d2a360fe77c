//! Ways to bring a mapping's pages into memory before they are read, tried on an executor of one thread: what each leaves
//! resident, what is left to the reader, and how long the executor stands still.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use memmap2::{Advice, Mmap, MmapOptions};
use nix::errno::Errno;
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::{spawn_blocking, yield_now};

use crate::conversation::Program;
use crate::delay::{Delay, watched};
use crate::helper::Helper;
use crate::pages::{count_resident, prefetch, start_read, touch};
use crate::strided::sum;
use crate::usage::Usage;

/// Bytes between two turns of the executor, and of a populate.
const STEP: usize = 1 << 20;

/// How far ahead of the reader its prefetch instructions are, in bytes.
const PREFETCH_AHEAD: usize = 256 << 10;

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Strategy {
    /// The reader meets the pages as they are.
    None,
    /// Another task of the same thread touches them.
    TouchBetweenAwaits,
    /// A loop on another thread touches every 4096th byte.
    TouchOnThread,
    /// The same through a mapping of that thread's own.
    TouchOtherMapping,
    /// Another process does, where `mincore` says that pages are missing.
    HelperProcess,
    /// The mapping is written to /dev/null, on another thread.
    DevNull,
    /// The mapping is written to a pipe that somebody reads.
    Pipe,
    Willneed,
    PopulateRead,
    /// The I/O is started in slices as long as the read-ahead, then populated piece by piece.
    StartThenPopulate,
    MapPopulate,
    /// `readahead(2)`, in one call.
    Readahead,
    Mlock,
    /// Instructions of the CPU, ahead of the reader.
    Prefetch,
    AdviseNormal,
    AdviseRandom,
    AdviseSequential,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Task {
    strategy: Strategy,
    path: PathBuf,
    /// Offset and length; each is a mapping of its own.
    ranges: Vec<(u64, usize)>,
    /// What each range adds up to.
    sums: Vec<u64>,
    /// Of the device, in bytes: one request starts no more.
    read_ahead: usize,
}

pub(crate) struct Prefault {
    task: Task,
    file: Arc<File>,
    maps: Arc<Vec<Mmap>>,
    runtime: Runtime,
    helper: Option<Helper>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sample {
    /// The clock that all processes share, in milliseconds, before the strategy and after it.
    start: f64,
    end: f64,
    /// How long the strategy took, in milliseconds.
    ready: f64,
    /// From the beginning until the reader had its first byte.
    first_byte: Option<f64>,
    /// From the beginning until the reader had all.
    milliseconds: f64,
    /// How long the reader took, on the executor's thread.
    reading: Option<f64>,
    pages: usize,
    resident: usize,
    /// How late timers of the executor were while the strategy was at work.
    delay: Delay,
    /// What the executor's own thread has used while the strategy was at work, and then as the reader.
    executor: Usage,
    reader: Option<Usage>,
    /// What the strategy failed with.
    error: Option<String>,
}

impl Program for Prefault {
    type Task = Task;
    type Sample = Sample;

    fn prepare(task: Task) -> Result<Self> {
        let file = Arc::new(File::open(&task.path).with_context(|| task.path.display().to_string())?);
        // What populates as it maps has nothing to prepare.
        let mapped: &[_] = if task.strategy == Strategy::MapPopulate { &[] } else { &task.ranges };
        let maps = Arc::new(map_ranges(&file, mapped, false)?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        // Its thread is there before the time runs, as that of a server would be.
        runtime.block_on(async { spawn_blocking(|| ()).await })?;
        let helper = match task.strategy {
            Strategy::HelperProcess => Some(Helper::start(&task.path, &task.ranges)?),
            _ => None,
        };
        Ok(Self { task, file, maps, runtime, helper })
    }

    fn measure(&mut self, _word: &Value) -> Result<Sample> {
        let maps = std::mem::take(&mut self.maps);
        let given = Given {
            strategy: self.task.strategy,
            file: Arc::clone(&self.file),
            ranges: self.task.ranges.clone(),
            read_ahead: self.task.read_ahead,
            helper: self.helper.take(),
        };
        let start = shared_clock()?;
        let before = Usage::of_thread();
        let begun = Instant::now();
        let (outcome, delay) = watched(&self.runtime, bring(given, maps));
        let ready = milliseconds(begun);
        let end = shared_clock()?;
        let executor = Usage::of_thread().since(before);
        let pages = self.task.ranges.iter().map(|&(_, length)| length.div_ceil(4096)).sum();
        let mut sample = Sample {
            start,
            end,
            ready,
            first_byte: None,
            milliseconds: ready,
            reading: None,
            pages,
            resident: 0,
            delay,
            executor,
            reader: None,
            error: None,
        };
        match outcome {
            Ok(maps) => {
                sample.resident = maps.iter().map(|map| count_resident(map)).sum::<io::Result<usize>>()?;
                self.read(&maps, begun, &mut sample)?;
            }
            Err(error) => {
                let code = error.raw_os_error().map(|code| format!("{:?}", Errno::from_raw(code)));
                let fresh = map_ranges(&self.file, &self.task.ranges, false)?;
                sample.resident = fresh.iter().map(|map| count_resident(map)).sum::<io::Result<usize>>()?;
                sample.error = Some(code.unwrap_or_else(|| error.to_string()));
            }
        }
        Ok(sample)
    }
}

impl Prefault {
    fn read(&self, maps: &[Mmap], begun: Instant, sample: &mut Sample) -> Result<()> {
        let before = Usage::of_thread();
        let reading = Instant::now();
        touch(maps.first().context("no range")?.get(..1).context("an empty range")?);
        sample.first_byte = Some(milliseconds(begun));
        let ahead = self.task.strategy == Strategy::Prefetch;
        let sums: Vec<u64> =
            maps.iter().zip(&self.task.ranges).map(|(map, &(at, _))| sum_of(map, at, ahead)).collect();
        sample.reading = Some(milliseconds(reading));
        sample.milliseconds = milliseconds(begun);
        sample.reader = Some(Usage::of_thread().since(before));
        ensure!(sums == self.task.sums, "wrong answer: the sums are {sums:?}, not {:?}", self.task.sums);
        Ok(())
    }
}

fn sum_of(map: &Mmap, offset: u64, prefetching: bool) -> u64 {
    if !prefetching {
        return sum(map, offset);
    }
    let page = |(index, bytes): (usize, &[u8])| {
        prefetch(map, index * 4096 + PREFETCH_AHEAD);
        sum(bytes, offset + (index * 4096) as u64)
    };
    map.chunks(4096).enumerate().map(page).sum()
}

/// What a strategy needs besides the mappings.
struct Given {
    strategy: Strategy,
    file: Arc<File>,
    ranges: Vec<(u64, usize)>,
    read_ahead: usize,
    helper: Option<Helper>,
}

/// Does what the strategy says; all but one do it on another thread. Gives the mappings back.
async fn bring(given: Given, maps: Arc<Vec<Mmap>>) -> io::Result<Arc<Vec<Mmap>>> {
    if given.strategy != Strategy::TouchBetweenAwaits {
        return spawn_blocking(move || bring_blocking(given, maps)).await?;
    }
    for step in maps.iter().flat_map(|map| map.chunks(STEP)) {
        touch(step);
        yield_now().await;
    }
    Ok(maps)
}

fn bring_blocking(given: Given, maps: Arc<Vec<Mmap>>) -> io::Result<Arc<Vec<Mmap>>> {
    let Given { strategy, file, ranges, read_ahead, helper } = given;
    let all = |advice| maps.iter().try_for_each(|map| map.advise(advice));
    match strategy {
        Strategy::None | Strategy::TouchBetweenAwaits | Strategy::Prefetch => {}
        Strategy::TouchOnThread => maps.iter().for_each(|map| touch(map)),
        Strategy::TouchOtherMapping => map_ranges(&file, &ranges, false)?.iter().for_each(|map| touch(map)),
        Strategy::HelperProcess => {
            let missing = maps.iter().try_fold(false, |missing, map| {
                io::Result::Ok(missing || count_resident(map)? < map.len().div_ceil(4096))
            })?;
            if let (true, Some(helper)) = (missing, helper) {
                helper.touch()?;
            }
        }
        Strategy::DevNull => {
            let mut null = OpenOptions::new().write(true).open("/dev/null")?;
            maps.iter().try_for_each(|map| null.write_all(map))?;
        }
        Strategy::Pipe => through_pipe(&maps)?,
        Strategy::Willneed => all(Advice::WillNeed)?,
        Strategy::PopulateRead => all(Advice::PopulateRead)?,
        Strategy::StartThenPopulate => start_then_populate(&file, &ranges, &maps, read_ahead)?,
        Strategy::MapPopulate => return Ok(Arc::new(map_ranges(&file, &ranges, true)?)),
        Strategy::Readahead => ranges.iter().try_for_each(|&(at, length)| start_read(&file, at, length))?,
        Strategy::Mlock => maps.iter().try_for_each(Mmap::lock)?,
        Strategy::AdviseNormal => all(Advice::Normal)?,
        Strategy::AdviseRandom => all(Advice::Random)?,
        Strategy::AdviseSequential => all(Advice::Sequential)?,
    }
    Ok(maps)
}

/// All I/O of the next ranges is under way before the first of them is waited for.
fn start_then_populate(
    file: &File,
    ranges: &[(u64, usize)],
    maps: &[Mmap],
    read_ahead: usize,
) -> io::Result<()> {
    const AHEAD: usize = 8 << 20;
    let slices: Vec<(u64, usize)> = ranges.iter().flat_map(|&range| slices_of(range, read_ahead)).collect();
    let (mut started, mut next, mut done) = (0, 0, 0);
    for map in maps {
        for (index, step) in map.chunks(STEP).enumerate() {
            while started < done + AHEAD + step.len()
                && let Some(&(at, length)) = slices.get(next)
            {
                start_read(file, at, length)?;
                started += length;
                next += 1;
            }
            map.advise_range(Advice::PopulateRead, index * STEP, step.len())?;
            done += step.len();
        }
    }
    Ok(())
}

fn slices_of((offset, length): (u64, usize), longest: usize) -> impl Iterator<Item = (u64, usize)> {
    let cut = move |at: usize| (offset + at as u64, longest.min(length - at));
    (0..length).step_by(longest.max(4096)).map(cut)
}

fn through_pipe(maps: &[Mmap]) -> io::Result<()> {
    let (mut reader, mut writer) = io::pipe()?;
    let drain = thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
    let written = maps.iter().try_for_each(|map| writer.write_all(map));
    drop(writer);
    drain.join().map_err(|_| io::Error::other("the reader of the pipe panicked"))??;
    written
}

fn map_ranges(file: &File, ranges: &[(u64, usize)], populate: bool) -> io::Result<Vec<Mmap>> {
    let map = |&(offset, length): &(u64, usize)| {
        let mut options = MmapOptions::new();
        options.offset(offset).len(length);
        if populate {
            options.populate();
        }
        // SAFETY: the harness made the file. Where it takes the disk away under the mapping, that is what is measured: the
        // signal ends this process, which exists for nothing else.
        unsafe { options.map(file) }
    };
    ranges.iter().map(map).collect()
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// What the harness reads as `process.hrtime`, and the kernel's tracing by default.
#[expect(clippy::cast_precision_loss, reason = "seconds since boot are far below 2^53")]
fn shared_clock() -> Result<f64> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(|errno| anyhow!("the clock: {errno}"))?;
    Ok(now.tv_sec() as f64 * 1e3 + now.tv_nsec() as f64 / 1e6)
}
