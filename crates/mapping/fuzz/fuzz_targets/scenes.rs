//! Runs the scenes of `tests/scenes/` with bytes from `libFuzzer`: `npm run test:fuzz`.

#![no_main]

#[path = "../../tests/scenes/mod.rs"]
mod scenes;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scenes::play(bytes, &mut scenes::Done::default()));
