//! The thread that gives back what malloc holds free and nobody has used for a while, and that has malloc keep more or less.
//!
//! It sleeps on the clock of the process's own CPU time, so that a process that does nothing is never woken for it.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::malloc;
use crate::malloc::arenas::{self, Arenas, NoSignals, Range};
use crate::stats::{ArenaStats, Decision};
use crate::tune::Tuning;

/// Between two looks at what is free, and how many of them make a window: what was free at each has not been used.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 4;
/// CPU time of the other threads after which memory is looked at again. Threads that use as much within a window are busy: they
/// may free in the next millisecond, and then do nothing for hours.
const WORK: Duration = Duration::from_millis(10);
/// From one window to the next of a busy process.
const PAUSE: Duration = Duration::from_millis(50);
/// Shorter runs of free pages stay.
const LEAST: usize = 64 << 10;
/// So little is not worth another window.
const LITTLE: usize = 1 << 20;
/// What glibc itself begins with, for both.
const MODEST: i32 = 128 << 10;
/// Page faults in a window, of 4 KiB each, that show that what went back is missed: 8 MiB.
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

/// What is in effect, where malloc is looked after.
pub(crate) fn decision() -> Option<Decision> {
    let state = state();
    state.tuning.map(|_| Decision {
        keeps: state.keeps,
        why: state.why.clone(),
        gave_back: GAVE_BACK.load(Ordering::Relaxed),
        pauses: arenas::pauses(),
    })
}

/// Sets the sizes, and gives back what lies unused from now on.
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

/// Gives back all that is free in whole pages. How many bytes that was.
pub(crate) fn trim() -> Result<u64, String> {
    let quiet = NoSignals::new();
    let mut arenas = Arenas::open()?;
    // The first look tells which arenas nobody uses; these can be looked at as a whole.
    arenas.free(1);
    let free = arenas.free(1).to_vec();
    let mut resident = arenas.resident(&free);
    let bytes = arenas.give_back(&mut resident) as u64;
    drop(quiet);
    Ok(bytes)
}

/// What each arena of a process holds.
pub(crate) fn arenas_of(pid: u32) -> Result<Vec<ArenaStats>, String> {
    arenas::arenas_of(pid)
}

fn look_after(mut arenas: Arenas) {
    // It lives as long as the process.
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
        // What cannot go back, because it is locked in memory, is no reason to stay awake.
        if held < LITTLE || (gave == 0 && before == Some(held)) {
            rest(last_look.saturating_sub(worked), last_look);
        }
        before = Some(held);
    }
}

/// How much may stay of what lies unused.
fn decide(unused: usize, faults: u64) -> usize {
    let mut state = state();
    let Some(tuning) = state.tuning else { return usize::MAX };
    let memory = usize::try_from(tuning.memory).unwrap_or(usize::MAX);
    if state.keeps && unused > memory {
        // Less than what was asked for is never kept.
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

/// Takes away from the front of the runs what is to stay: of the top of an arena, that is used first.
fn leave(runs: &mut Vec<Range>, mut bytes: usize, page: usize) {
    runs.retain_mut(|run| {
        let stays = bytes.min(run.length()) / page * page;
        bytes -= stays;
        run.start += stays;
        run.length() > 0
    });
}

/// What is in both, which are in order.
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

/// Sleeps: for a moment while the other threads are busy, else until they have used CPU time again since the last look.
fn rest(in_window: Duration, last_look: Duration) {
    if in_window >= WORK {
        thread::sleep(PAUSE);
        return;
    }
    let clock = libc::CLOCK_PROCESS_CPUTIME_ID;
    // The clock of the process also counts this thread, which does not work while it sleeps.
    let until = last_look + WORK + cpu_time(libc::CLOCK_THREAD_CPUTIME_ID);
    let until = libc::timespec {
        tv_sec: libc::time_t::try_from(until.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: until.subsec_nanos().into(),
    };
    // SAFETY: a time in range; no rest is asked for, since no signal ends an absolute sleep here.
    let slept = unsafe {
        libc::clock_nanosleep(clock, libc::TIMER_ABSTIME, &raw const until, std::ptr::null_mut()) == 0
    };
    if !slept {
        // A sandbox that forbids it.
        thread::sleep(Duration::from_secs(1));
    }
}

/// The CPU time of all threads but this one.
fn others_worked() -> Duration {
    // In this order, what this thread uses between the two is taken off, and never counted for the others.
    let all = cpu_time(libc::CLOCK_PROCESS_CPUTIME_ID);
    all.saturating_sub(cpu_time(libc::CLOCK_THREAD_CPUTIME_ID))
}

/// What a clock of CPU time shows.
fn cpu_time(clock: libc::clockid_t) -> Duration {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: there is room for the answer; the clocks are those of this process and this thread, which always have one.
    unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    // SAFETY: all zeros are an answer, too.
    let time = unsafe { time.assume_init() };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Page faults that needed no disk, of the whole process.
fn page_faults() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: there is room for the answer.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) };
    // SAFETY: all zeros are an answer, too.
    let faults = unsafe { usage.assume_init() }.ru_minflt;
    u64::try_from(faults).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn range(start: usize, end: usize) -> Range {
        Range { start, end }
    }

    /// Where malloc is not glibc's, as under valgrind, there is nothing to try.
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
