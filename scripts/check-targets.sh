#!/usr/bin/env bash
# Checks the core and the addon by type for each platform that is released and whose library of Rust's is installed or can
# be added, without a linker of theirs; and runs on Linux what the platforms do that map nothing. `npm run test:targets`.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc --version --verbose | sed -n 's/^host: //p')
libraries=$(rustc --print sysroot)/lib/rustlib
targets=$(node -p 'JSON.parse(require("fs").readFileSync("package.json")).napi.targets.join("\n")')

has_library() { compgen -G "$libraries/$1/lib/libstd-*.rlib" >/dev/null; }

# One try for all of them, and a short one: without a network each would find that out anew.
missing=()
for target in $targets; do has_library "$target" || missing+=("$target"); done
reason='there is no rustup, which adds them'
if [ ${#missing[@]} -gt 0 ] && command -v rustup >/dev/null; then
  code=0
  said=$(timeout 120 rustup target add "${missing[@]}" 2>&1) || code=$?
  reason=$(grep -m 1 -i '^error' <<<"$said" || echo "rustup target add ended with exit code $code")
fi

checked=()
for target in $targets; do
  if [ "$target" = "$host" ]; then
    echo "this platform, which the build checks: $target"
  elif has_library "$target"; then
    checked+=("$target")
  else
    echo "not checked: $target has no library here: $reason"
  fi
done

# As napi builds for musl, so that it can be loaded.
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_RUSTFLAGS='-C target-feature=-crt-static'
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS='-C target-feature=-crt-static'
check() { cargo check --quiet --locked --target-dir target --package faultless-binding "$@"; }
if [ ${#checked[@]} -gt 0 ]; then
  # Together they keep all cores busy; the messages do not say which of them they are about.
  if check "${checked[@]/#/--target=}"; then
    printf 'checked: %s\n' "${checked[@]}"
  else
    for target in "${checked[@]}"; do check --target "$target" 2>/dev/null || echo "does not compile: $target"; done
    exit 1
  fi
fi

cargo test --quiet --locked --target-dir target --package faultless-mapping --features portable --lib --test reading --test portable

# The same as an addon, which is also one without jemalloc, under the tests that hold everywhere.
cargo build --quiet --locked --target-dir target --package faultless-binding --features portable
cp target/debug/libfaultless_binding.so target/portable.node
FAULTLESS_PORTABLE=1 NAPI_RS_NATIVE_LIBRARY_PATH="$PWD/target/portable.node" npm run --silent test:portable
