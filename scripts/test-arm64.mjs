// `npm run test:arm64`: cross-builds the core and the addon for arm64, and runs tests of both under the emulator qemu.
//
//   node scripts/test-arm64.mjs [--node 20] [TEST FILE…]
//
// It emulates the CPU only: the kernel is the one of this machine, so a page has 4 KiB. Named files run without exceptions.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { environmentOf } from './nodes.mjs'

const TARGET = 'aarch64-unknown-linux-gnu'
const LINKER = 'aarch64-linux-gnu-gcc'
const QEMU = '/usr/bin/qemu-aarch64-static'
const LIBRARIES = '/usr/aarch64-linux-gnu'
const BINFMT = '/proc/sys/fs/binfmt_misc'
const REGISTRATION = 'faultless-arm64'

// Tests of code that depends on the CPU: pages, signals, alignment, numbers of system calls, order of memory accesses.
const TESTS = [
  'batches',
  'binding',
  'close',
  'cut-files',
  'errors',
  'evidence',
  'mmap-read',
  'slice',
  'streams',
  'views',
  'without-mapping',
  'writing',
].map(name => `__test__/${name}.test.mjs`)

// Tests that fail because of the emulator (qemu 7.2). Most of residency.test.mjs and of the tests of prefault() fail, too.
const NO_POPULATE = 'qemu returns 0 for MADV_POPULATE_READ, and does nothing'
const NO_TERABYTE = 'qemu cannot map 1 TiB'
const LEFT_OUT = {
  'a view over more than 16 MiB is never checked on the JavaScript thread': NO_POPULATE,
  'readMany rejects with the index of the first range that failed': NO_TERABYTE,
  'readManySettled: one bad range among good ones fails alone': NO_TERABYTE,
  'a range that fits into no memory is rejected alone': NO_TERABYTE,
  'a result that fits no memory is refused with the documented code, on every line of Node': NO_TERABYTE,
}

const root = fileURLToPath(new URL('../', import.meta.url))
const out = join(root, 'target/arm64')
process.chdir(root)
const { values, positionals } = parseArgs({
  options: { node: { type: 'string', default: '20' } },
  allowPositionals: true,
})
const env = {
  ...process.env,
  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER: LINKER,
  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER: QEMU,
  QEMU_LD_PREFIX: LIBRARIES,
}
const succeeds = (command, ...args) => spawnSync(command, args, { stdio: 'ignore', env }).status === 0
const run = (command, args, environment = env) => {
  if (spawnSync(command, args, { stdio: 'inherit', env: environment }).status !== 0) process.exit(1)
}
const leaveOut = need => {
  console.log(`left out: the tests on arm64 need ${need}`)
  process.exit(process.env.FAULTLESS_TESTS === 'all' ? 1 : 0)
}

for (const [present, need] of [
  [process.platform === 'linux' && process.arch === 'x64', 'Linux on x64: on arm64, `npm test` runs all tests'],
  [fs.existsSync(QEMU), `${QEMU}: apt install qemu-user-static`],
  [succeeds(LINKER, '--version'), `${LINKER}: apt install gcc-aarch64-linux-gnu`],
  [fs.existsSync(join(LIBRARIES, 'lib/libc.so')), `${LIBRARIES}/lib/libc.so: apt install libc6-dev-arm64-cross`],
  [fs.existsSync(join(LIBRARIES, 'lib/libstdc++.so.6')), 'a libstdc++ for arm64: apt install libstdc++6-arm64-cross'],
  [hasRustLibrary(), `Rust's library for arm64: rustup target add ${TARGET}`],
])
  if (!present) leaveOut(need)

const [node, environment] = environmentOf(values.node, 'arm64')
// Tests start child processes, so the kernel itself has to know the emulator.
if (!succeeds(node, '--version')) {
  const problem = register()
  if (problem) leaveOut(`the emulator in ${BINFMT}: ${problem}`)
  process.on('exit', () => fs.writeFileSync(join(BINFMT, REGISTRATION), '-1'))
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
}

// Not the models: loom runs them in all orders that the language allows, on any CPU.
const CORE = ['against_model', 'many_threads', 'one_mapping', 'reading', 'sigbus']
const packages = ['faultless-mapping', 'faultless-allocator'].flatMap(name => ['--package', name])
run('cargo', ['test', '--locked', '--target', TARGET, ...packages, '--lib', ...CORE.flatMap(name => ['--test', name])])
run(process.execPath, ['scripts/build-addon.mjs', '--no-jemalloc', '--target', TARGET, '--output-dir', out])

const isNamed = positionals.length > 0
const leftOut = isNamed ? [] : Object.entries(LEFT_OUT)
for (const [title, reason] of leftOut) console.log(`left out: ${title}: ${reason}`)
run(
  node,
  [
    'node_modules/ava/entrypoints/cli.mjs',
    '--timeout=10m',
    ...leftOut.map(([title]) => `--match=!${title}`),
    ...(isNamed ? positionals : TESTS),
  ],
  { ...env, ...environment, NAPI_RS_NATIVE_LIBRARY_PATH: join(out, 'faultless.linux-arm64-gnu.node') },
)

function hasRustLibrary() {
  const { status, stdout } = spawnSync('rustc', ['--print', 'target-libdir', '--target', TARGET], { encoding: 'utf8' })
  return status === 0 && fs.existsSync(stdout.trim())
}

/** Has the kernel run programs of arm64 by the emulator until this process ends. Returns the reason if it cannot. */
function register() {
  const little64 = `\\x7fELF\\x02\\x01\\x01${'\\x00'.repeat(9)}\\x02\\x00\\xb7\\x00`
  const mask = `${'\\xff'.repeat(7)}\\x00${'\\xff'.repeat(8)}\\xfe\\xff\\xff\\xff`
  try {
    // F opens the emulator now, so that it is found in a mount namespace, too.
    fs.writeFileSync(join(BINFMT, 'register'), `:${REGISTRATION}:M::${little64}:${mask}:${QEMU}:F`)
  } catch ({ message }) {
    return `as root, mount -t binfmt_misc binfmt_misc ${BINFMT}, or install what registers it (${message})`
  }
}
