//! The thread that returns free, unused memory of malloc to the kernel, and adjusts how much malloc keeps.
//!
//! It sleeps on the clock of the process's CPU time, so an idle process is never woken by it.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::malloc;
use crate::malloc::arenas::{self, Arenas, NoSignals, Range};
use crate::stats::{ArenaStats, Decision};
use crate::tune::Tuning;

/// The time between two checks of free memory, and the number of checks per window: memory that was free at each check
/// counts as unused.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
const CHECKS_PER_WINDOW: u32 = 4;
/// CPU time of the other threads after which memory is checked again. A process whose threads use as much within a
/// window is busy: it may free memory in the next millisecond, and then be idle for hours.
const BUSY_CPU_TIME: Duration = Duration::from_millis(10);
/// The pause between two windows of a busy process.
const BUSY_PAUSE: Duration = Duration::from_millis(50);
/// Shorter runs of free pages are kept.
const MIN_RUN: usize = 64 << 10;
/// Less free memory than this does not start another window.
const MIN_FREE: usize = 1 << 20;
/// The default of glibc for both values.
const GLIBC_DEFAULT: i32 = 128 << 10;
/// Page faults in a window, of 4 KiB each, that show that returned memory is needed again: 8 MiB.
const MANY_FAULTS: u64 = 2048;

struct State {
    tuning: Option<Tuning>,
    keeps: bool,
    why: String,
}

static STATE: Mutex<State> = Mutex::new(State { tuning: None, keeps: false, why: String::new() });
static RETURNED_BYTES: AtomicU64 = AtomicU64::new(0);

fn state() -> std::sync::MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The current decision, if malloc was tuned.
pub(crate) fn decision() -> Option<Decision> {
    let state = state();
    state.tuning.map(|_| Decision {
        keeps: state.keeps,
        why: state.why.clone(),
        gave_back: RETURNED_BYTES.load(Ordering::Relaxed),
        pauses: arenas::pauses(),
    })
}

/// Sets the sizes, and starts returning unused memory.
pub(crate) fn keep(tuning: Tuning) -> Result<(), String> {
    let mut state = state();
    if state.tuning.is_none() {
        let arenas = Arenas::open()?;
        let trimmer = thread::Builder::new().name("faultless-trimmer".to_owned());
        trimmer
            .spawn(move || trim_loop(arenas))
            .map_err(|error| format!("no thread could be started: {error}"))?;
    }
    malloc::set_sizes(tuning)?;
    state.tuning = Some(tuning);
    state.keeps = true;
    "no unused memory was found yet".clone_into(&mut state.why);
    Ok(())
}

/// Returns all free memory in whole pages to the kernel. Returns the number of bytes.
pub(crate) fn trim() -> Result<u64, String> {
    let no_signals = NoSignals::new();
    let mut arenas = Arenas::open()?;
    // The first pass shows which arenas are not in use; the second visits those completely.
    arenas.free(1);
    let free = arenas.free(1).to_vec();
    let mut resident = arenas.resident(&free);
    let bytes = arenas.give_back(&mut resident) as u64;
    drop(no_signals);
    Ok(bytes)
}

/// The memory of each arena of a process.
pub(crate) fn arenas_of(pid: u32) -> Result<Vec<ArenaStats>, String> {
    arenas::arenas_of(pid)
}

fn trim_loop(mut arenas: Arenas) {
    // The thread lives as long as the process.
    let _no_signals = NoSignals::new();
    let mut before = None;
    loop {
        let faults = page_faults();
        let cpu_before = cpu_time_of_others();
        let mut unused = arenas.free(MIN_RUN).to_vec();
        for _ in 0..CHECKS_PER_WINDOW {
            thread::sleep(CHECK_INTERVAL);
            unused = common(&unused, arenas.free(MIN_RUN));
        }
        let mut runs = arenas.resident(&unused);
        let total: usize = runs.iter().map(|run| run.length()).sum();
        let memory = decide(total, page_faults() - faults);
        let kept = if total > memory { memory / 2 } else { total / 2 };
        keep_first(&mut runs, if total > MIN_FREE { kept } else { 0 }, arenas.page());
        let gave = arenas.give_back(&mut runs);
        RETURNED_BYTES.fetch_add(gave as u64, Ordering::Relaxed);
        let last_check = cpu_time_of_others();
        let free = arenas.free(MIN_RUN).to_vec();
        let held: usize = arenas.resident(&free).iter().map(|run| run.length()).sum();
        // Memory that cannot be returned, because it is locked, is no reason to stay awake.
        if held < MIN_FREE || (gave == 0 && before == Some(held)) {
            rest(last_check.saturating_sub(cpu_before), last_check);
        }
        before = Some(held);
    }
}

/// How much unused memory may stay.
fn decide(unused: usize, faults: u64) -> usize {
    let mut state = state();
    let Some(tuning) = state.tuning else { return usize::MAX };
    let memory = usize::try_from(tuning.memory).unwrap_or(usize::MAX);
    if state.keeps && unused > memory {
        // Never keeps less than requested.
        let _ = malloc::set_tops(GLIBC_DEFAULT.min(tuning.trim_threshold), GLIBC_DEFAULT.min(tuning.top_pad));
        state.keeps = false;
        state.why = format!("{} KiB were free and unused; the limit is {} KiB", unused >> 10, memory >> 10);
    } else if !state.keeps && unused <= memory && faults > MANY_FAULTS {
        let _ = malloc::set_tops(tuning.trim_threshold, tuning.top_pad);
        state.keeps = true;
        state.why = format!(
            "{faults} page faults in {} ms: returned memory is needed again",
            (CHECK_INTERVAL * CHECKS_PER_WINDOW).as_millis()
        );
    }
    memory
}

/// Removes the memory that stays from the start of the runs: an arena uses the start of its top first.
fn keep_first(runs: &mut Vec<Range>, mut bytes: usize, page: usize) {
    runs.retain_mut(|run| {
        let stays = bytes.min(run.length()) / page * page;
        bytes -= stays;
        run.start += stays;
        run.length() > 0
    });
}

/// The intersection of two ordered lists of ranges.
fn common(some: &[Range], others: &[Range]) -> Vec<Range> {
    let mut both = Vec::new();
    let (mut some, mut others) = (some.iter().peekable(), others.iter().peekable());
    while let (Some(a), Some(b)) = (some.peek(), others.peek()) {
        let (start, end) = (a.start.max(b.start), a.end.min(b.end));
        if end > start {
            both.push(Range { start, end });
        }
        if a.end < b.end {
            some.next()
        } else {
            others.next()
        };
    }
    both
}

/// Sleeps: for a short time while the other threads are busy, otherwise until they have used CPU time again since the
/// last check.
fn rest(in_window: Duration, last_check: Duration) {
    if in_window >= BUSY_CPU_TIME {
        thread::sleep(BUSY_PAUSE);
        return;
    }
    let clock = libc::CLOCK_PROCESS_CPUTIME_ID;
    // The clock of the process also counts this thread, which uses no CPU time while it sleeps.
    let until = last_check + BUSY_CPU_TIME + cpu_time(libc::CLOCK_THREAD_CPUTIME_ID);
    let until = libc::timespec {
        tv_sec: libc::time_t::try_from(until.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: until.subsec_nanos().into(),
    };
    // SAFETY: a valid time; the remaining time is not requested, since no signal interrupts this sleep.
    let slept = unsafe {
        libc::clock_nanosleep(clock, libc::TIMER_ABSTIME, &raw const until, std::ptr::null_mut()) == 0
    };
    if !slept {
        // A sandbox may forbid the call.
        thread::sleep(Duration::from_secs(1));
    }
}

/// The CPU time of all threads except this one.
fn cpu_time_of_others() -> Duration {
    // In this order, CPU time that this thread uses between the two calls is subtracted, and never counted for the
    // others.
    let all = cpu_time(libc::CLOCK_PROCESS_CPUTIME_ID);
    all.saturating_sub(cpu_time(libc::CLOCK_THREAD_CPUTIME_ID))
}

/// Reads a CPU time clock.
fn cpu_time(clock: libc::clockid_t) -> Duration {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: `time` has space for the result; the clocks are those of this process and this thread, which always
    // exist.
    unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    // SAFETY: all zeros are a valid result, too.
    let time = unsafe { time.assume_init() };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The page faults of the whole process that needed no disk.
fn page_faults() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` has space for the result.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    // SAFETY: all zeros are a valid result, too.
    let faults = unsafe { usage.assume_init() }.ru_minflt;
    u64::try_from(faults).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(start: usize, end: usize) -> Range {
        Range { start, end }
    }

    /// Where malloc is not glibc's, as under valgrind, this test does nothing.
    #[test]
    fn trim_returns_free_memory_and_keeps_the_rest() {
        let filled = |number: u8| vec![number; 100_000].into_boxed_slice();
        let mut kept: Vec<_> = (0..=255).cycle().take(1000).map(filled).collect();
        let mut nth = 0;
        kept.retain(|_| {
            nth += 1;
            nth % 8 == 0
        });
        let Ok(bytes) = trim() else { return };
        assert!(bytes > 50 << 20, "{bytes}");
        for piece in &kept {
            assert!(piece.iter().all(|byte| *byte == piece[0]));
        }
        assert!(trim().is_ok_and(|bytes| bytes < 10 << 20));
        assert!(
            arenas_of(std::process::id()).is_ok_and(|arenas| arenas
                .iter()
                .filter(|arena| arena.main)
                .count()
                == 1)
        );
        assert!(arenas::pauses().count > 0);
    }

    #[test]
    fn common_ranges_are_in_both_lists() {
        let some = [range(0, 10), range(20, 30), range(40, 50)];
        assert_eq!(
            common(&some, &[range(5, 25), range(26, 28), range(50, 60)]),
            [range(5, 10), range(20, 25), range(26, 28)]
        );
        assert_eq!(common(&some, &[]), []);
        assert_eq!(common(&some, &some), some);
    }
}
