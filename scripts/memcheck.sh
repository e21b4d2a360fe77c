#!/usr/bin/env bash
# The tests of the core and of the allocator under valgrind: use of memory that is not there, use after free, leaks, bad system
# calls. Not the models, whose checker switches stacks by itself. `npm run test:memcheck` runs it.
set -euo pipefail
cd "$(dirname "$0")/.."

checker=(valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite)
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="${checker[*]}"
# rustix's own way to the kernel looks at the vDSO, which valgrind takes away.
export RUSTFLAGS=--cfg=rustix_use_libc
valgrind --version
rustc --version
cargo test --target-dir target/memcheck --package faultless-mapping --package faultless-allocator \
  --lib --test reading --test sigbus --test one_mapping
