#!/usr/bin/env bash
# Checks the core and the addon by type for each platform that is released and whose library of Rust's is installed or can
# be added, without a linker of theirs; and runs on Linux what the platforms do that map nothing. `npm run test:targets`.
set -euo pipefail
cd "$(dirname "$0")/.."

targets=$(node -p 'JSON.parse(require("fs").readFileSync("package.json")).napi.targets.join("\n")')
for target in $targets; do
  if ! rustup target add "$target" >/dev/null 2>&1; then
    echo "not checked: rustup cannot add $target here"
    continue
  fi
  # Without jemalloc, which a C compiler for the target would have to build.
  cargo check --quiet --package faultless-binding --no-default-features --target "$target"
  echo "checked: $target"
done
cargo test --quiet --package faultless-mapping --features portable --lib --test reading --test portable

# The same as an addon, under the tests that hold everywhere.
cargo build --quiet --release --target-dir target/portable --package faultless-binding --features portable
cp target/portable/release/libfaultless_binding.so target/portable/faultless.node
NAPI_RS_NATIVE_LIBRARY_PATH="$PWD/target/portable/faultless.node" npx ava __test__/without-mapping.test.mjs
