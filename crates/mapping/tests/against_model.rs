//! A hundred and fifty scenes of `scenes/`, from seeds: always the same ones. `FAULTLESS_SEED` plays a single one; `fuzz/` looks for more.
//! Alone in its process: it counts what the process has locked.

#![cfg(all(target_os = "linux", not(feature = "portable")))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::cast_possible_truncation, reason = "files of a few MiB")]

mod scenes;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use scenes::{Done, play};

/// Some seconds.
const SCENES: u64 = 150;

#[test]
fn what_comes_out_is_what_a_model_says() {
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
        assert!(copies > 100 && ready > 10 && losses > 10, "what may be refused always was: {done:?}");
        // Linux before 5.12 cannot tell whether it would have to ask a disk.
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
