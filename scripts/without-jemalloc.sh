#!/usr/bin/env bash
# A build without the cargo feature `jemalloc`: it reads, and says what it lacks and how to get it.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --quiet --locked --target-dir target --package faultless-binding --no-default-features
cp target/debug/libfaultless_binding.so target/without-jemalloc.node
NAPI_RS_NATIVE_LIBRARY_PATH="$PWD/target/without-jemalloc.node" node __test__/programs/without-jemalloc.mjs package.json
