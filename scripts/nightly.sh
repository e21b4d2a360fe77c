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
    echo 'Left out of miri: all tests of crates/mapping/tests/ but the models, because they map files; those of crates/allocator,'
    echo 'which call jemalloc and malloc; those of crates/symbols, which read all of their own program; and the words of error numbers.'
    # Everything that lives for ever is leaked on purpose.
    export MIRIFLAGS='-Zmiri-strict-provenance -Zmiri-ignore-leaks'
    check=(cargo +nightly miri test --target-dir target/miri --package faultless-mapping --features real-threads)
    "${check[@]}" --lib -- --skip error::
    # Each seed is another order of threads, and has loads see other stores, as weakly ordered CPUs do.
    MIRIFLAGS+=' -Zmiri-many-seeds=0..4' "${check[@]}" --test models
    ;;
  tsan)
    needs rust-src
    echo 'Left out of ThreadSanitizer: scenes that die of a signal (tests/sigbus.rs), whose handlers it calls late.'
    export RUSTFLAGS=-Zsanitizer=thread TSAN_OPTIONS='halt_on_error=1'
    cargo +nightly test -Zbuild-std --target "$host" --target-dir target/tsan --package faultless-mapping \
      --lib --features real-threads --test models --test reading --test many_threads
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
