//! An allocation loop of the kind of ebizzy: native threads that allocate a buffer of a drawn length, copy into it, search
//! it and free it, through the malloc of libc, which the arguments may tune.
//!
//! Each line of standard input is a number of milliseconds to loop for, and is answered with one line of JSON.

use std::hint::black_box;
use std::io::{BufRead, Write, stdin, stdout};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};

mod options;

use options::Options;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Keys lie so far apart, so that what lies between two of them is not found.
const GAP: u64 = 3;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("allocation-loop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let options = Options::parse()?;
    options.tune()?;
    let keys: Vec<u64> =
        (0..).step_by(usize::try_from(GAP)?).take(options.bytes / size_of::<u64>()).collect();
    answer("{\"kind\":\"ready\"}")?;
    for line in stdin().lock().lines() {
        let window = Duration::from_millis(line?.trim().parse()?);
        answer(&measure(&keys, options.threads, window)?)?;
    }
    Ok(())
}

fn answer(line: &str) -> std::io::Result<()> {
    let mut output = stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

/// Lets so many threads loop for so long.
fn measure(keys: &[u64], threads: u64, window: Duration) -> Result<String, Failure> {
    let faults = getrusage(UsageWho::RUSAGE_SELF)?.minor_page_faults();
    let start = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC)?);
    let begun = Instant::now();
    let operations = thread::scope(|scope| {
        let running: Vec<_> =
            (1..=threads).map(|seed| scope.spawn(move || repeat(keys, seed, begun + window))).collect();
        running
            .into_iter()
            .map(|one| one.join().map_err(|_| "a thread panicked")?)
            .sum::<Result<u64, Failure>>()
    })?;
    let elapsed = begun.elapsed();
    let faults = getrusage(UsageWho::RUSAGE_SELF)?.minor_page_faults() - faults;
    Ok(format!(
        "{{\"kind\":\"sample\",\"operations\":{operations},\"start\":{},\"elapsed\":{},\"minorFaults\":{faults}}}",
        start.as_secs_f64() * 1e3,
        elapsed.as_secs_f64() * 1e3,
    ))
}

/// Allocates, copies into, searches and frees until the time has come. A key that is not where it must be is a failure.
fn repeat(keys: &[u64], seed: u64, end: Instant) -> Result<u64, Failure> {
    let mut random = Random(seed);
    let mut operations = 0;
    while Instant::now() < end {
        let length = keys.len() - random.below(keys.len() / 2);
        let place = random.below(length);
        let key = u64::try_from(place)? * GAP;
        let copy = black_box(keys[..length].to_vec());
        if copy.binary_search(&key) != Ok(place) || copy.binary_search(&(key + 1)).is_ok() {
            return Err(format!("wrong answer: key {key} is not only at place {place} of {length}").into());
        }
        operations += 1;
    }
    Ok(operations)
}

/// Numbers that are the same in each run (splitmix64).
struct Random(u64);

impl Random {
    /// A number below `bound`, or 0.
    #[expect(clippy::cast_possible_truncation, reason = "what is left of a division by a usize is one")]
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % bound.max(1) as u64) as usize
    }
}
