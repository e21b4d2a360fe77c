#!/usr/bin/env bash
# A build without the cargo feature `jemalloc`: it reads, and says what it lacks and how to get it.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=target/without-jemalloc
cargo build --quiet --locked --package faultless-binding --no-default-features --target-dir "$folder"
cp "$folder/debug/libfaultless_binding.so" "$folder/addon.node"
NAPI_RS_NATIVE_LIBRARY_PATH="$PWD/$folder/addon.node" node __test__/programs/without-jemalloc.mjs package.json
