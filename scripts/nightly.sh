#!/usr/bin/env bash
# The core under what only nightly Rust has. `npm run test:miri`, `test:tsan` and `test:fuzz` run it: with `miri`, `tsan` or `fuzz`,
# and for `fuzz` the seconds. `rustup toolchain install nightly --profile minimal -c miri,rust-src` and `cargo install cargo-fuzz`
# bring all of it; what is missing is named, and the check is left out, or fails with FAULTLESS_TESTS=all.
set -euo pipefail
cd "$(dirname "$0")/.."

leave_out() {
  echo "left out: $1"
  if [ "${FAULTLESS_TESTS:-}" = all ]; then exit 1; fi
  exit 0
}
needs() { rustup component list --installed --toolchain nightly 2>/dev/null | grep -q "^$1" || leave_out "nightly Rust has no $1"; }

host=$(rustc -vV | sed -n 's/^host: //p')
case "${1:-}" in
  miri)
    needs miri
    needs rust-src
    echo 'Left out of miri, which knows no file mappings: every test that opens a MappedFile, so all in crates/mapping/tests/ but'
    echo 'those here; loom, which switches stacks by itself; jemalloc, malloc and its tuning, which are C; and the benchmarks.'
    # tempfile in tests of lib code asks the system for random bytes and files.
    export MIRIFLAGS='-Zmiri-disable-isolation -Zmiri-strict-provenance'
    cargo +nightly miri test --target-dir target/miri --package faultless-mapping --lib
    cargo +nightly miri test --target-dir target/miri --package faultless-mapping --features real-threads --test models
    cargo +nightly miri test --target-dir target/miri --package faultless-symbols --lib
    ;;
  tsan)
    needs rust-src
    # Handlers of signals are called late under it, so scenes that die of them are left to valgrind and to the tests as they are.
    export RUSTFLAGS=-Zsanitizer=thread TSAN_OPTIONS='halt_on_error=1'
    cargo +nightly test -Zbuild-std --target "$host" --target-dir target/tsan --package faultless-mapping \
      --lib --features real-threads --test models --test reading --test one_mapping --test against_model
    ;;
  fuzz)
    cargo +nightly fuzz --version >/dev/null 2>&1 || leave_out 'nightly Rust has no cargo-fuzz'
    cd crates/mapping
    cargo +nightly fuzz run scenes -- -max_total_time="${2:-60}" -max_len=1200
    ;;
  *)
    echo 'one of miri, tsan and fuzz' >&2
    exit 1
    ;;
esac
