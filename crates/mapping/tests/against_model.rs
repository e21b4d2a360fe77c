//! Runs 150 scenes of `scenes/` with fixed seeds. `FAULTLESS_SEED` runs a single one; `fuzz/` searches for more. This
//! test has a process of its own, because it counts the locked pages of the process.

#![cfg(all(target_os = "linux", not(feature = "portable")))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::cast_possible_truncation, reason = "files of a few MiB")]

mod scenes;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use scenes::{Done, play};

/// They take some seconds.
const SCENES: u64 = 150;

#[test]
fn results_match_the_model() {
    let only = std::env::var("FAULTLESS_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let mut done = Done::default();
    for seed in only.map_or(0..SCENES, |seed| seed..seed + 1) {
        let mut random = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(600).collect();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| play(&bytes, &mut done))) {
            eprintln!("FAULTLESS_SEED={seed} plays this scene");
            resume_unwind(panic);
        }
    }
    if only.is_none() {
        let Done { copies, path_copies, ready, losses } = done;
        assert!(copies > 100 && ready > 10 && losses > 10, "the core refused nearly everything: {done:?}");
        // Before Linux 5.12 the kernel cannot tell whether a path lookup would wait for a disk.
        let can_tell = rustix::fs::openat2(
            rustix::fs::CWD,
            "/",
            rustix::fs::OFlags::PATH,
            rustix::fs::Mode::empty(),
            rustix::fs::ResolveFlags::CACHED,
        );
        assert_eq!(path_copies > 0, can_tell.is_ok());
    }
}
