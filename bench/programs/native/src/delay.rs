//! How late an executor's timers are while it works.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::{LocalSet, spawn_local};

/// A timer is due each millisecond.
const PERIOD: Duration = Duration::from_millis(1);

/// By how many milliseconds timers were late that were due one a millisecond. Those that came due while the executor stood
/// still count, too: a timer that is armed anew only when it has fired would see a standstill once.
#[derive(Serialize, Clone, Copy, Debug)]
pub(crate) struct Delay {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Delay {
    fn of(turns: &[Instant]) -> Self {
        let mut late = Vec::new();
        for pair in turns.windows(2) {
            let &[from, to] = pair else { continue };
            let mut due = from + PERIOD;
            while due <= to {
                late.push((to - due).as_secs_f64() * 1e3);
                due += PERIOD;
            }
        }
        late.sort_unstable_by(f64::total_cmp);
        let at = |hundredths: usize| late.get((late.len() * hundredths / 100).min(late.len().max(1) - 1));
        let percentile = |hundredths| at(hundredths).copied().unwrap_or(0.0);
        Self { p50: percentile(50), p99: percentile(99), max: percentile(100) }
    }
}

/// Does work on an executor of one thread, and tells by how much its timers were late meanwhile.
pub(crate) fn watched<T>(runtime: &tokio::runtime::Runtime, work: impl Future<Output = T>) -> (T, Delay) {
    let turns = Rc::new(RefCell::new(Vec::new()));
    let local = LocalSet::new();
    let seen = Rc::clone(&turns);
    let done = local.block_on(runtime, async move {
        seen.borrow_mut().push(Instant::now());
        let ticking = Rc::clone(&seen);
        let ticks = spawn_local(async move {
            loop {
                tokio::time::sleep(PERIOD).await;
                ticking.borrow_mut().push(Instant::now());
            }
        });
        // The timer is armed before the work begins.
        tokio::task::yield_now().await;
        let done = work.await;
        seen.borrow_mut().push(Instant::now());
        ticks.abort();
        done
    });
    let delay = Delay::of(&turns.borrow());
    (done, delay)
}
