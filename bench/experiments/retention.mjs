// retention: what do programs hold in memory that they do not need any more, and what do they gain by it?
import { fileURLToPath } from 'node:url'
import { sumFigures, tracingObstacle } from '../../dist/lib/cli/tracing/locks/index.js'
import { formatSize, GiB, KiB, MiB } from '../harness/cells.mjs'
import { Program } from '../harness/child.mjs'
import { dataFile } from '../harness/files.mjs'
import { traced } from '../harness/locks.mjs'
import { installPeers } from '../harness/peers.mjs'
import { each, pairwise } from '../harness/ratios.mjs'
import { estimate } from '../harness/statistics.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { arenas, jemalloc, noJemalloc, told, tuned } from '../harness/variants.mjs'
import { atLeast, atMost } from '../harness/verdict.mjs'
import { retentionPicture, retentionTables } from '../report/retention.mjs'
import { ours } from './sources.mjs'

const PROGRAM = fileURLToPath(new URL('../programs/retention.mjs', import.meta.url))

/** `pause` in milliseconds; passes of the ways that claims compare, of the others, and of what is counted. */
const SIZES = {
  toy: { scale: 0.02, pause: 100, compared: 1, others: 1, counted: 1 },
  quick: { scale: 0.1, pause: 2000, compared: 4, others: 1, counted: 4 },
  full: { scale: 1, pause: 5000, compared: 4, others: 1, counted: 4 },
}

/** Programs, how much of its work each does in a full run, and the milliseconds that all of it takes. */
const PROGRAMS = [
  { name: 'deflates', title: '3 times 5,000 zlib.deflate of 600 B at once', part: 1, takes: 3000 },
  { name: 'workers', title: '4 times 15 workers that end while they hold 24 MiB each', part: 0.3, takes: 9000 },
  { name: 'mixed', title: '4 workers: buffers of all sizes, a cache, bursts of 200 MiB', part: 0.3, takes: 11_000 },
  { name: 'once', title: 'a worker that fills 1,024 buffers of 1 MiB once', part: 1, takes: 1500 },
  { name: 'turns', title: '12 workers that fill 24 MiB each, one after the other', part: 0.5, takes: 2500 },
  { name: 'bodies', title: '60 HTTP bodies of 8 MiB, joined on the main thread', part: 0.5, takes: 2500 },
  { name: 'sharp', title: '50 pictures made smaller by sharp', part: 0.5, takes: 4000 },
  { name: 'sums', title: 'numbers added up, which needs no memory', part: 0.3, takes: 3200 },
]
const READS = [64 * KiB, MiB, 8 * MiB].map(size => ({ name: 'reads', size, part: 0.4, takes: 3500 }))
/** Bytes that workers whose locks and page faults are counted read together. */
const COUNTED = 4 * GiB

const titleOf = ({ title, size }) => title ?? `4 workers in readFileSync of ${formatSize(size)}`
const workOf = ({ name, size }) => (size ? `${name} of ${formatSize(size)}` : name)
const locksOf = program => `locks, ${workOf(program)}`
const TRIMMED = 'trimmed'

/** What tune() set before it gave anything back, by variables. */
const unbounded = told({ mmapThreshold: 32 * MiB, trimThreshold: 64 * MiB, topPad: 64 * MiB })
/** Below it a difference is none, in bytes. */
const ALLOWED = 64 * MiB

const WAYS = [
  { id: 'plain', label: 'glibc as it is', compared: true },
  { id: 'tune', label: 'faultless/tune', env: () => tuned().env, compared: true },
  { id: 'tune 0', label: 'tune({ memory: 0 })', env: () => bound(0) },
  { id: 'unbounded', label: 'thresholds of 64 MiB, nothing given back', env: () => unbounded },
  { id: 'arenas', label: 'MALLOC_ARENA_MAX=2', env: () => arenas(2).env },
  { id: 'jemalloc', label: 'jemalloc, preloaded', env: () => jemalloc.env, missing: noJemalloc },
  { id: 'trim', label: 'glibc as it is, allocator.trim() after it', task: { trim: true } },
]
/** Ways that the gain is counted for. */
const COMPARED = ['plain', 'tune', 'unbounded']

/** @param {number} memory */
function bound(memory) {
  const program = `import { allocator } from ${JSON.stringify(import.meta.resolve('faultless'))}\nallocator.tune({ memory: ${memory} })`
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` }
}

/** @param {import('../harness/cells.mjs').RunSize} size @returns {import('../harness/trials.mjs').Work[]} */
function worksOf(size, { noPeers, untraced, signal } = {}) {
  const { scale, pause, compared, others, counted: countedPasses } = SIZES[size]
  const ways = size === 'toy' ? WAYS.filter(way => way.compared) : WAYS
  const wayOf = (program, { id, label, env, task, missing, compared: always }) => {
    const counts = always || (program.size && id === 'unbounded')
    return {
      id,
      label,
      passes: counts ? compared : others,
      rounds: 1,
      milliseconds: Math.ceil(scale * program.part * program.takes),
      missing: (program.name === 'sharp' && noPeers) || missing?.(),
      run: () =>
        begin(
          `${titleOf(program)}: ${label}`,
          taskOf(program, { scale: scale * program.part, pause, ...task }),
          env?.(),
        ),
    }
  }
  const shown = [...PROGRAMS, ...READS].map(program => ({
    id: workOf(program),
    title: titleOf(program),
    unit: 'done/s',
    value: sample => sample.rate,
    base: 'plain',
    ways: ways.map(way => wayOf(program, way)),
  }))
  const counted = READS.map(program => ({
    id: locksOf(program),
    title: `${titleOf(program)}, ${formatSize(COUNTED)} in all`,
    unit: 'times',
    value: sample => sample.writes,
    base: 'plain',
    ways: WAYS.filter(({ id }) => COMPARED.includes(id)).map(way => ({
      id: way.id,
      label: way.label,
      passes: countedPasses,
      rounds: 1,
      milliseconds: 3500,
      missing: untraced,
      run: () => countWrites(`${titleOf(program)}: ${way.label}`, program, way.env?.(), signal),
    })),
  }))
  const trimmed = { name: TRIMMED, title: 'buffers of 100 kB taken while their arena is trimmed', part: 1, takes: 3500 }
  const one = wayOf(trimmed, WAYS[0])
  const stalls = { id: TRIMMED, title: trimmed.title, unit: 'ms', value: sample => sample.wait.p99, ways: [one] }
  return [...shown, ...(size === 'toy' ? [] : counted), stalls]
}

const taskOf = ({ name, size }, task) => ({ name, ...(size && { size, path: dataFile(size).path }), ...task })

/** Resolves once the program has done its work, to what waits for it to be idle. */
async function begin(name, task, env) {
  const program = new Program(name, PROGRAM, task, env)
  const { kind: _, ...worked } = await program.answer('worked')
  const answered = program.answer('idle')
  // It is awaited later.
  answered.catch(() => {})
  return async () => {
    const { kind: __, ...idle } = await answered
    await program.stop()
    return [{ ...worked, ...idle }]
  }
}

/** The whole life of a process that reads so much is traced. */
async function countWrites(name, { size, ...program }, env) {
  const sample = await traced([process.pid], async mark => {
    mark()
    const reads = Math.ceil(COUNTED / size / 4)
    const take = await begin(name, taskOf({ ...program, size }, { reads, scale: 100, pause: 100 }), env)
    const [{ done, faults }] = await take()
    mark()
    return ({ sections }) => {
      const threads = sections[1].threads.filter(({ pid }) => pid !== process.pid)
      return { writes: sumFigures(threads).writes.count, faults, done }
    }
  })
  return [sample]
}

const everyProgram = [...PROGRAMS, ...READS]
const against = (trials, work, way, of, base = 'plain') =>
  pairwise(trials.samples(work, way), trials.samples(work, base), of)
const idOf = program => workOf(program).replaceAll(' ', '-')

const idle = everyProgram.map(program => ({
  id: `retention/idle-${idOf(program)}`,
  source: ours,
  text: `${titleOf(program)}, memory of the process 5 s later: with allocator.tune() at most 64 MiB more than without`,
  figure: 'at most 64 MiB',
  unit: 'MiB more',
  rule: atMost(ALLOWED / MiB),
  measure: (_, trials) => against(trials, workOf(program), 'tune', (a, b) => (a.idle - b.idle) / MiB),
}))

const peaks = everyProgram.map(program => ({
  id: `retention/peak-${idOf(program)}`,
  source: ours,
  text: `${titleOf(program)}, memory of the process at its peak: with allocator.tune() at most a quarter more than without`,
  figure: 'at most 1.25',
  unit: 'times what it holds untuned',
  rule: atMost(1.25),
  measure: (_, trials) => against(trials, workOf(program), 'tune', (a, b) => a.peak / b.peak),
}))

const KINDS = `4 workers in readFileSync of ${READS.map(({ size }) => formatSize(size)).join(', ')}`
const gains = [
  ...[
    { id: 'locks', what: 'write locks of mmap_lock', of: sample => sample.writes },
    { id: 'faults', what: 'page faults', of: sample => sample.faults },
  ].map(({ id, what, of }) => ({
    id: `retention/${id}`,
    source: ours,
    text: `${KINDS}: ${what}: allocator.tune() avoids at least nine tenths of those that fixed thresholds of 64 MiB avoid`,
    figure: 'at least 0.9',
    unit: 'of what thresholds of 64 MiB save',
    rule: atLeast(0.9),
    measure: (_, trials) => shareOfGain(trials, of),
  })),
  ...READS.map(program => ({
    id: `retention/rate-${idOf(program)}`,
    source: ours,
    text: `${titleOf(program)}: with allocator.tune(), which returns memory, at least nine tenths of the rate with thresholds of 64 MiB, which return none`,
    figure: 'at least 0.9',
    unit: 'times as fast',
    rule: atLeast(0.9),
    measure: (_, trials) => against(trials, workOf(program), 'tune', (a, b) => a.rate / b.rate, 'unbounded'),
  })),
]

/** How much less than untuned, of how much less it is with nothing given back: of all kinds of reads together. */
function shareOfGain(trials, of) {
  const sums = COMPARED.map(way => {
    const [first, ...others] = READS.map(program => trials.samples(locksOf(program), way).map(rounds => rounds.map(of)))
    return first.map((rounds, pass) =>
      rounds.map((value, round) => others.reduce((sum, samples) => sum + samples[pass][round], value)),
    )
  })
  const [plain, tune, unbound] = sums
  return estimate(
    plain.map((rounds, pass) =>
      rounds.map((base, round) => (base - tune[pass][round]) / (base - unbound[pass][round])),
    ),
  )
}

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'retention',
  title: 'Memory that programs hold',
  question: 'How much unused memory do programs hold under each malloc, and how much faster are they for it?',
  obstacle: () => (process.platform === 'linux' ? undefined : 'what a process holds is read in /proc'),
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  async measure(context) {
    const { signal, size } = context
    const noPeers = size === 'toy' ? 'toy size: sharp is left out' : await installPeers(signal)
    const untraced = tracingObstacle()?.reason
    const trials = new Trials(worksOf(size, { noPeers, untraced, signal }))
    await measureTrials(trials, context)
    context.save('retention.svg', retentionPicture(trials))
    return trials
  },
  report: retentionTables,

  claims: [
    ...idle,
    ...peaks,
    ...gains,
    {
      id: 'retention/nothing-lost',
      source: ours,
      text: 'a program that allocates nothing (it adds up numbers) is not slower with allocator.tune()',
      figure: 'at least 0.95',
      unit: 'tuned / untuned',
      rule: atLeast(0.95),
      measure: (_, trials) => against(trials, 'sums', 'tune', (a, b) => a.rate / b.rate),
    },
    {
      id: 'retention/nothing-held',
      source: ours,
      text: 'a program that allocates nothing (it adds up numbers) holds at most 8 MiB more with allocator.tune(): the addon and a thread',
      figure: 'at most 8 MiB',
      unit: 'MiB more',
      rule: atMost(8),
      measure: (_, trials) => against(trials, 'sums', 'tune', (a, b) => (a.idle - b.idle) / MiB),
    },
    {
      id: 'retention/trim',
      source: ours,
      text: '4 workers with buffers of all sizes, without allocator.tune(): allocator.trim() leaves at most a quarter of the memory that they hold',
      figure: '1,000 to 100 MiB',
      unit: 'of what they hold without it',
      rule: atMost(0.25),
      measure: (_, trials) => against(trials, 'mixed', 'trim', (a, b) => a.idle / b.idle),
    },
    {
      id: 'retention/stall',
      source: ours,
      text: 'allocations of 100 kB from an arena that is trimmed at the same time: 99 of 100 wait at most 1 ms',
      figure: 'at most 1 ms',
      unit: 'ms at the 99th percentile',
      rule: atMost(1),
      measure: (_, trials) => each(trials.samples(TRIMMED, 'plain'), ({ wait }) => wait.p99),
    },
  ],
}
