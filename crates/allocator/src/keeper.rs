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
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 4;
/// CPU time of the other threads after which memory is checked again. A process whose threads use as much within a
/// window is busy: it may free memory in the next millisecond, and then be idle for hours.
const WORK: Duration = Duration::from_millis(10);
/// The pause between two windows of a busy process.
const PAUSE: Duration = Duration::from_millis(50);
/// Shorter runs of free pages are kept.
const LEAST: usize = 64 << 10;
/// Less free memory than this does not start another window.
const LITTLE: usize = 1 << 20;
/// The default of glibc for both values.
const MODEST: i32 = 128 << 10;
/// Page faults in a window, of 4 KiB each, that show that returned memory is needed again: 8 MiB.
const MISSED: u64 = 2048;

struct State {
    tuning: Option<Tuning>,
    keeps: bool,
    why: String,
}

static STATE: Mutex<State> = Mutex::new(State { tuning: None, keeps: false, why: String::new() });
static GAVE_BACK: AtomicU64 = AtomicU64::new(0);

fn state() -> std::sync::MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The current decision, if malloc was tuned.
pub(crate) fn decision() -> Option<Decision> {
    let state = state();
    state.tuning.map(|_| Decision {
        keeps: state.keeps,
        why: state.why.clone(),
        gave_back: GAVE_BACK.load(Ordering::Relaxed),
        pauses: arenas::pauses(),
    })
}

/// Sets the sizes, and starts returning unused memory.
pub(crate) fn keep(tuning: Tuning) -> Result<(), String> {
    let mut state = state();
    if state.tuning.is_none() {
        let arenas = Arenas::open()?;
        let keeper = thread::Builder::new().name("faultless-keeper".to_owned());
        keeper
            .spawn(move || look_after(arenas))
            .map_err(|error| format!("no thread can be started: {error}"))?;
    }
    malloc::set_sizes(tuning)?;
    state.tuning = Some(tuning);
    state.keeps = true;
    "nothing has lain unused yet".clone_into(&mut state.why);
    Ok(())
}

/// Returns all free memory in whole pages to the kernel. Returns the number of bytes.
pub(crate) fn trim() -> Result<u64, String> {
    let quiet = NoSignals::new();
    let mut arenas = Arenas::open()?;
    // The first pass shows which arenas are not in use; the second visits those completely.
    arenas.free(1);
    let free = arenas.free(1).to_vec();
    let mut resident = arenas.resident(&free);
    let bytes = arenas.give_back(&mut resident) as u64;
    drop(quiet);
    Ok(bytes)
}

/// The memory of each arena of a process.
pub(crate) fn arenas_of(pid: u32) -> Result<Vec<ArenaStats>, String> {
    arenas::arenas_of(pid)
}

fn look_after(mut arenas: Arenas) {
    // The thread lives as long as the process.
    let _quiet = NoSignals::new();
    let mut before = None;
    loop {
        let faults = page_faults();
        let worked = others_worked();
        let mut unused = arenas.free(LEAST).to_vec();
        for _ in 0..LOOKS {
            thread::sleep(LOOK);
            unused = common(&unused, arenas.free(LEAST));
        }
        let mut runs = arenas.resident(&unused);
        let total: usize = runs.iter().map(|run| run.length()).sum();
        let memory = decide(total, page_faults() - faults);
        let kept = if total > memory { memory / 2 } else { total / 2 };
        leave(&mut runs, if total > LITTLE { kept } else { 0 }, arenas.page());
        let gave = arenas.give_back(&mut runs);
        GAVE_BACK.fetch_add(gave as u64, Ordering::Relaxed);
        let last_look = others_worked();
        let free = arenas.free(LEAST).to_vec();
        let held: usize = arenas.resident(&free).iter().map(|run| run.length()).sum();
        // Memory that cannot be returned, because it is locked, is no reason to stay awake.
        if held < LITTLE || (gave == 0 && before == Some(held)) {
            rest(last_look.saturating_sub(worked), last_look);
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
        let _ = malloc::set_tops(MODEST.min(tuning.trim_threshold), MODEST.min(tuning.top_pad));
        state.keeps = false;
        state.why = format!("{} KiB were free and unused, and {} KiB may be", unused >> 10, memory >> 10);
    } else if !state.keeps && unused <= memory && faults > MISSED {
        let _ = malloc::set_tops(tuning.trim_threshold, tuning.top_pad);
        state.keeps = true;
        state.why = format!(
            "{faults} page faults in {} ms: what goes back is used again",
            (LOOK * LOOKS).as_millis()
        );
    }
    memory
}

/// Removes the memory that stays from the start of the runs: an arena uses the start of its top first.
fn leave(runs: &mut Vec<Range>, mut bytes: usize, page: usize) {
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
fn rest(in_window: Duration, last_look: Duration) {
    if in_window >= WORK {
        thread::sleep(PAUSE);
        return;
    }
    let clock = libc::CLOCK_PROCESS_CPUTIME_ID;
    // The clock of the process also counts this thread, which uses no CPU time while it sleeps.
    let until = last_look + WORK + cpu_time(libc::CLOCK_THREAD_CPUTIME_ID);
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
fn others_worked() -> Duration {
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
    fn trim_gives_back_what_is_free_and_leaves_the_rest() {
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
    fn what_is_common_is_in_both() {
        let some = [range(0, 10), range(20, 30), range(40, 50)];
        assert_eq!(
            common(&some, &[range(5, 25), range(26, 28), range(50, 60)]),
            [range(5, 10), range(20, 25), range(26, 28)]
        );
        assert_eq!(common(&some, &[]), []);
        assert_eq!(common(&some, &some), some);
    }
}
