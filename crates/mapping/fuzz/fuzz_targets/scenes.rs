//! The scenes of `tests/scenes/`, from bytes of libFuzzer's: `npm run test:fuzz`.

#![no_main]

#[path = "../../tests/scenes/mod.rs"]
mod scenes;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scenes::play(bytes, &mut scenes::Done::default()));
