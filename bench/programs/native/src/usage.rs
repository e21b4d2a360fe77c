//! What a process or a thread has used of the machine.

use serde::Serialize;

/// CPU time in milliseconds, and page faults; nothing where the system does not tell.
#[derive(Serialize, Clone, Copy, Default)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    user_ms: Option<f64>,
    system_ms: Option<f64>,
    minor_faults: Option<i64>,
    major_faults: Option<i64>,
}

impl Usage {
    /// Of all threads of this process.
    pub(crate) fn of_process() -> Self {
        #[cfg(unix)]
        return unix::used(nix::sys::resource::UsageWho::RUSAGE_SELF);
        #[cfg(not(unix))]
        Self::default()
    }

    /// Of the calling thread.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_thread() -> Self {
        unix::used(nix::sys::resource::UsageWho::RUSAGE_THREAD)
    }

    /// What was used since then.
    pub(crate) fn since(self, before: Self) -> Self {
        let time = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        let count = |now: Option<i64>, then: Option<i64>| Some(now? - then?);
        Self {
            user_ms: time(self.user_ms, before.user_ms),
            system_ms: time(self.system_ms, before.system_ms),
            minor_faults: count(self.minor_faults, before.minor_faults),
            major_faults: count(self.major_faults, before.major_faults),
        }
    }
}

#[cfg(unix)]
mod unix {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeVal;

    use super::Usage;

    pub(super) fn used(who: UsageWho) -> Usage {
        let Ok(found) = getrusage(who) else { return Usage::default() };
        Usage {
            user_ms: Some(milliseconds(found.user_time())),
            system_ms: Some(milliseconds(found.system_time())),
            minor_faults: Some(found.minor_page_faults()),
            major_faults: Some(found.major_page_faults()),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of CPU time are far below 2^53")]
    fn milliseconds(time: TimeVal) -> f64 {
        1e3 * time.tv_sec() as f64 + time.tv_usec() as f64 / 1e3
    }
}
