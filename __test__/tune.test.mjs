// allocator.tune() and faultless/tune: the values in effect, the reasons for those that are not, and refused values.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { allocator, capabilities } from 'faultless'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { program, required } from './helpers/rig.mjs'

const DEFAULTS = allocator.tune().applied
const JEMALLOC = ['x86_64', 'aarch64'].map(cpu => `/usr/lib/${cpu}-linux-gnu/libjemalloc.so.2`).find(existsSync)

const folder = temporaryFolder()
const file = seededFile(folder, MiB)

/** What workers in readFileSync of a 1 MiB file cost in page faults, in a process of its own. */
const buffers = (t, who, options) => program(t, 'buffers', [file, who], options)

/** What each call of allocator.tune() answers in a process of its own, but for what was decided since. */
const calls = async (t, tunings, options) =>
  withoutDecisions(await program(t, 'tune-calls', [JSON.stringify(tunings)], options))
const withoutDecisions = answers => answers.map(({ decision: _, ...answer }) => answer)

test.serial(
  'code outside of this package takes less than half of the page faults, however malloc was tuned',
  async t => {
    const untuned = await buffers(t, 'nobody')
    t.false(untuned.loaded)
    const ways = {
      'allocator.tune()': await buffers(t, 'main'),
      'allocator.tune() in a worker that has ended': await buffers(t, 'worker'),
      '--import': await buffers(t, 'nobody', { nodeArguments: ['--import', 'faultless/tune'] }),
      '--require': await buffers(t, 'nobody', { nodeArguments: ['--require', 'faultless/tune'] }),
      'NODE_OPTIONS, which every worker heeds': await buffers(t, 'nobody', {
        env: { NODE_OPTIONS: '--import faultless/tune' },
      }),
    }
    t.log(`untuned: ${untuned.faultsPerRead} faults per read`)
    for (const [way, { faultsPerRead }] of Object.entries(ways)) {
      t.log(`${way}: ${faultsPerRead}`)
      // Usually a tenth; on Node 24, whose heap keeps more garbage, about a quarter.
      t.true(faultsPerRead < untuned.faultsPerRead / 2, way)
    }
  },
)

test('a worker that loads faultless/tune opens nearly all of its heap at once, and the others do not', async t => {
  const untuned = await program(t, 'opened')
  const tuned = await program(t, 'opened', [], { nodeArguments: ['--import', 'faultless/tune'] })
  const long = lengths => lengths.filter(length => length > 61 * MiB).length
  t.deepEqual([long(untuned), long(tuned)], [0, 1])
})

test('reports the values in effect: the defaults, or given values with defaults for the rest', async t => {
  t.true(capabilities().tune)
  const asked = { mmapThreshold: 4 * MiB, trimThreshold: 8 * MiB, topPad: 0 }
  t.deepEqual(await calls(t, [null, null, {}, { trimThreshold: 16 * MiB }, { trimThreshold: 96 * MiB }, asked]), [
    { applied: DEFAULTS, supported: true },
    { applied: DEFAULTS, supported: true },
    { applied: DEFAULTS, supported: true },
    // malloc keeps nothing above the trim threshold.
    { applied: { ...DEFAULTS, trimThreshold: 16 * MiB, topPad: 16 * MiB }, supported: true },
    { applied: { ...DEFAULTS, trimThreshold: 96 * MiB }, supported: true },
    { applied: { ...DEFAULTS, ...asked }, supported: true },
  ])
})

test('eight workers that tune at once get the same answer', async t => {
  const answers = await program(t, 'tune-calls', [JSON.stringify([null, { arenaMax: 4 }]), 8])
  t.is(answers.length, 8)
  for (const answer of answers) t.deepEqual(withoutDecisions(answer)[0], { applied: DEFAULTS, supported: true })
})

test('the first arenaMax stays, and a second is not claimed', async t => {
  const [first, again, other] = await calls(t, [
    { arenaMax: 4 },
    { arenaMax: 4, topPad: 0, trimThreshold: MiB },
    { arenaMax: 3 },
  ])
  t.deepEqual(first, { applied: { ...DEFAULTS, arenaMax: 4 }, supported: true })
  t.deepEqual(again, { applied: { ...DEFAULTS, arenaMax: 4, topPad: 0, trimThreshold: MiB }, supported: true })
  t.is(other.applied.arenaMax, 4)
  t.regex(other.reason, /set to 4 before/)
})

for (const [variable, value, named] of [
  ['MALLOC_TRIM_THRESHOLD_', '1000000', /^MALLOC_TRIM_THRESHOLD_ tunes malloc already/],
  ['MALLOC_MMAP_MAX_', '0', /^MALLOC_MMAP_MAX_ /],
  ['GLIBC_TUNABLES', 'glibc.malloc.check=0:glibc.malloc.top_pad=4096', /^GLIBC_TUNABLES \(glibc\.malloc\.top_pad\) /],
]) {
  test(`${variable} of the environment is left alone, and named`, async t => {
    const [{ applied, supported, reason }] = await calls(t, [null], { env: { [variable]: value } })
    t.deepEqual([applied, supported], [{}, true])
    t.regex(reason, named)
  })
}

test('MALLOC_ARENA_MAX in the environment prevents only arenaMax', async t => {
  const [plain, limited] = await calls(t, [null, { arenaMax: 4 }], { env: { MALLOC_ARENA_MAX: '2' } })
  t.deepEqual(plain, { applied: DEFAULTS, supported: true })
  t.deepEqual(limited.applied, DEFAULTS)
  t.regex(limited.reason, /^MALLOC_ARENA_MAX /)
})

test('if no thread can limit the memory that malloc keeps, nothing is set, and the result has the reason', async t => {
  const [{ applied, supported, reason }] = await calls(t, [{ memory: MiB }], { env: { MALLOC_ARENA_MAX: '1' } })
  t.deepEqual([applied, supported], [{}, true])
  t.regex(reason, /^the memory that malloc keeps cannot be bounded here, so nothing was set: .*MALLOC_ARENA_MAX/)
})

const noJemalloc = JEMALLOC ? undefined : 'there is no libjemalloc.so.2 (Debian: libjemalloc2)'
required(noJemalloc)('a preloaded malloc is named, and nothing is done', async t => {
  const env = { LD_PRELOAD: JEMALLOC }
  const [{ applied, supported, reason }] = await calls(t, [null], { env })
  t.deepEqual([applied, supported], [{}, false])
  t.true(reason.includes(JEMALLOC), reason)
  await buffers(t, 'nobody', { env, nodeArguments: ['--import', 'faultless/tune'] })
})

test('where there is no addon for the platform, faultless/tune says so, and the program runs', async t => {
  const env = { NAPI_RS_NATIVE_LIBRARY_PATH: join(folder, 'no-addon.node') }
  const { decision, ...tuned } = await program(t, 'tuned')
  t.deepEqual(tuned, { applied: DEFAULTS, supported: true })
  t.true(decision.keeps)
  for (const way of ['--import', '--require']) {
    const { applied, supported, reason } = await program(t, 'tuned', [], {
      env,
      nodeArguments: [way, 'faultless/tune'],
    })
    t.deepEqual([applied, supported], [{}, false])
    t.regex(reason, /^faultless could not be loaded: The addon of faultless does not load/)
  }
})

for (const [what, tuning, code, message] of [
  [
    'a threshold over 32 MiB',
    { mmapThreshold: 32 * MiB + 1 },
    'ERR_OUT_OF_RANGE',
    /mmapThreshold.*no measurement showed threads to be faster/,
  ],
  ["a threshold below glibc's own", { mmapThreshold: 4096 }, 'ERR_OUT_OF_RANGE', /mmapThreshold.*two system calls/],
  ['a pad alone', { topPad: 16 * MiB }, 'ERR_INVALID_ARG_VALUE', /topPad.*worse/],
  ['a negative number', { trimThreshold: -1 }, 'ERR_OUT_OF_RANGE', /trimThreshold/],
  ['NaN', { trimThreshold: Number.NaN }, 'ERR_OUT_OF_RANGE', /trimThreshold/],
  ['a fraction', { mmapThreshold: MiB + 0.5 }, 'ERR_OUT_OF_RANGE', /mmapThreshold/],
  ['more than an int holds', { trimThreshold: 2 ** 31 }, 'ERR_OUT_OF_RANGE', /trimThreshold/],
  ['a bound below nothing', { memory: -1 }, 'ERR_OUT_OF_RANGE', /memory/],
  ['no bound', { memory: Number.POSITIVE_INFINITY }, 'ERR_OUT_OF_RANGE', /memory/],
  ['no arenas', { arenaMax: 0 }, 'ERR_OUT_OF_RANGE', /arenaMax/],
  ['text', { mmapThreshold: '1048576' }, 'ERR_INVALID_ARG_TYPE', /mmapThreshold/],
  ['a bigint', { arenaMax: 2n }, 'ERR_INVALID_ARG_TYPE', /arenaMax/],
  ['a name that is none', { mmapTreshold: MiB }, 'ERR_INVALID_ARG_VALUE', /mmapTreshold.*mmapThreshold/],
  ['null', null, 'ERR_INVALID_ARG_TYPE', /"tuning"/],
  ['a number', 32 * MiB, 'ERR_INVALID_ARG_TYPE', /"tuning"/],
]) {
  test(`refuses ${what}`, t => {
    const error = t.throws(() => allocator.tune(tuning), { code })
    t.regex(error.message, message)
    t.true(error instanceof (code === 'ERR_OUT_OF_RANGE' ? RangeError : TypeError))
  })
}
