// audit: which calls of Node's own, and of addons that people have, take mmap_lock for writing, how often, and who in them?
import Table from 'cli-table3'
import { median } from 'simple-statistics'
import { isLibc, shortName } from '../../dist/lib/cli/tracing/index.js'
import { sumFigures, tracingObstacle } from '../../dist/lib/cli/tracing/locks/index.js'
import { Group } from '../harness/barrier.mjs'
import { formatSize, KiB, MiB, modes } from '../harness/cells.mjs'
import { dataFile } from '../harness/files.mjs'
import { traced } from '../harness/locks.mjs'
import { installPeers } from '../harness/peers.mjs'
import { nothingMore, notRunnable } from '../harness/requirements.mjs'
import { estimate } from '../harness/statistics.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { tuned } from '../harness/variants.mjs'
import { atLeast, atMost } from '../harness/verdict.mjs'
import { audited } from '../programs/audited.mjs'
import { readers } from '../programs/readers.mjs'
import { brief, formatInterval, PLAIN } from '../report/format.mjs'
import { table } from '../report/markdown.mjs'
import { reasonAgainst } from '../report/trials.mjs'
import { contention, ours } from './sources.mjs'

/** Milliseconds of the first calls, of those that follow uncounted, and of the steady ones. */
const SIZES = {
  toy: { k: 2, passes: 1, first: 10, settle: 0, steady: 10, bytes: 128 },
  quick: { k: 4, passes: 4, first: 150, settle: 150, steady: 150 },
  full: { k: 4, passes: 4, first: 300, settle: 300, steady: 300 },
}
/** What members need to hear of a start before it comes, in milliseconds. */
const LEAD = 50
/** About what a sample takes besides its windows: eight groups that start, and a trace. */
const START = 6000
/** Of a call for which a thread takes the lock more seldom, contention is no matter. */
const OFTEN = 0.01

/** No rules between rows: there are many. */
const DENSE = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** Sizes at which memory is taken as such; all others work on 64 KiB. */
const TAKEN = ['Buffer.alloc', 'Buffer.allocUnsafe', 'Buffer.allocUnsafeSlow']
const operations = [
  ...['readFileSync', 'readFile-1', 'randomBytes', 'gzipSync', 'JSON.parse', 'structuredClone'].map(id => at(id)),
  ...Object.keys(audited).flatMap(id =>
    TAKEN.includes(id) ? [8 * KiB, 64 * KiB, MiB].map(size => at(id, size)) : at(id),
  ),
]

/** @param {string} call @param {number} [size] */
function at(call, size = 64 * KiB) {
  const { label, package: needs } = readers[call] ?? audited[call]
  const sized = TAKEN.includes(call) || /V8/.test(label)
  return {
    id: sized ? `${call}-${formatSize(size).replace(' ', '')}` : call,
    call,
    size,
    needs,
    label: sized ? `${label}, ${formatSize(size)}` : label,
  }
}

/** Under which malloc. */
const WAYS = [
  { id: 'plain', variant: () => ({}) },
  { id: 'tuned', variant: tuned },
]

/** @param {import('../harness/cells.mjs').RunSize} size @returns {import('../harness/trials.mjs').Work[]} */
function worksOf(size, { untraced, noPeers } = {}) {
  const times = SIZES[size]
  return operations.map((operation, nth) => ({
    id: operation.id,
    title: operation.label,
    unit: 'lock writes a call',
    value: ({ plain }) => plain.workers.first.writes,
    ways: [
      {
        id: 'audit',
        label: 'both mallocs',
        passes: times.passes,
        rounds: 1,
        milliseconds: START + 8 * (times.first + times.settle + times.steady),
        missing: untraced ?? (operation.needs && noPeers),
        run(pass) {
          const cell = { reader: operation.call, size: times.bytes ?? operation.size, k: times.k }
          return size === 'toy' && nth > 0 ? answered(cell, times) : sampleOf(cell, times, pass)
        },
      },
    ],
  }))
}

/** At toy size tracing would take longer than all the rest: of all but the first it is seen that answers are right. */
async function answered(cell, times) {
  return [{ plain: { workers: await inGroup(cell, 'workers', times, ratesOf) } }]
}

/** Throughput without a trace, and counts with one, of workers and of processes. */
async function sampleOf(cell, times, pass) {
  const groups = WAYS.flatMap(({ id, variant }) => modes.map(mode => ({ id, mode, cell: { ...cell, ...variant() } })))
  const inTurn = pass % 2 === 0 ? groups : groups.toReversed()
  const sample = Object.fromEntries(WAYS.map(({ id }) => [id, {}]))
  for (const { id, mode, cell: own } of inTurn) sample[id][mode] = await inGroup(own, mode, times, ratesOf)
  const counted = await traced([process.pid], mark => countAll(inTurn, times, mark), { stacks: true })
  for (const { id, mode, counts } of counted) {
    for (const phase of ['first', 'steady']) Object.assign(sample[id][mode][phase], counts[phase])
  }
  return [sample]
}

async function countAll(groups, times, mark) {
  const calls = []
  for (const { cell, mode } of groups) {
    await inGroup(cell, mode, times, async take => {
      for (const phase of ['first', 'steady']) {
        if (phase === 'steady' && times.settle > 0) await take(times.settle)
        mark()
        const { members } = await take(times[phase])
        mark()
        calls.push(members.reduce((sum, { operations: done }) => sum + done, 0))
      }
    })
  }
  return ({ sections }) => {
    const figures = calls.map((count, nth) => figuresOf(sections[2 * nth + 1], count))
    return groups.map((group, nth) => ({ ...group, counts: { first: figures[2 * nth], steady: figures[2 * nth + 1] } }))
  }
}

async function ratesOf(take, times) {
  const first = await take(times.first)
  if (times.settle > 0) await take(times.settle)
  const steady = await take(times.steady)
  return { first: { rate: first.throughput }, steady: { rate: steady.throughput } }
}

async function inGroup(cell, mode, times, work) {
  const group = new Group(cell, mode, dataFile(cell.size))
  try {
    await group.ready()
    const found = await work(milliseconds => group.sample({ lead: LEAD, milliseconds }), times)
    await group.stop()
    return found
  } finally {
    await group.kill()
  }
}

/** For each call. The lock of this process is another one. */
function figuresOf({ threads, stacks }, calls) {
  const { writes } = sumFigures(threads.filter(({ pid }) => pid !== process.pid))
  return {
    calls,
    writes: writes.count / calls,
    waited: writes.waited.total / calls,
    held: writes.held.mean,
    longest: writes.waited.longest,
    who: takers(stacks),
  }
}

/** The functions for which most of the lock writes were, by their shares: the first on the stack outside of libc. */
function takers(stacks) {
  const counts = new Map()
  for (const { write, count, frames } of stacks) {
    if (!write) continue
    const name = nameOf(frames)
    counts.set(name, (counts.get(name) ?? 0) + count)
  }
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0)
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([name, count]) => ({ name, share: count / all }))
}

/** Whoever called libc, and which of its functions. @param {import('../../dist/lib/cli/tracing/index.js').Frame[]} frames */
function nameOf(frames) {
  const own = frames.findIndex(frame => !isLibc(frame))
  const libc = frames[own === -1 ? frames.length - 1 : own - 1]
  return [frames[own], libc].flatMap(frame => (frame ? shortName(frame.name) : [])).join(' > ') || 'unknown'
}

/** What was found under a malloc: the medians of its samples. */
function summed(trials, { id }, malloc) {
  const samples = trials.samples(id, 'audit').flat()
  const of = figure => median(samples.map(sample => figure(sample[malloc])))
  return {
    first: of(({ workers }) => workers.first.writes),
    steady: of(({ workers }) => workers.steady.writes),
    processes: of(({ processes }) => processes.first.writes),
    waited: of(({ workers }) => workers.first.waited) / 1000,
    ratio: of(({ workers, processes }) => workers.first.rate / processes.first.rate),
    who: samples[0][malloc].workers.first.who[0]?.name ?? 'nobody',
  }
}

const HEAD = ['call', 'first', 'tuned', 'steady', 'tuned', 'procs', 'wait µs', 'w/p', 'tuned', 'taken by']
const LEGEND =
  'Lock writes a call of workers: in the first calls, and once the heaps have grown; of processes, in the first. ' +
  'Waits for them in each call. w/p: throughput of workers over that of processes, first calls, not traced.'

/** Worst first. @param {import('../harness/trials.mjs').Trials} trials */
export function auditRows(trials) {
  return operations
    .filter(({ id }) => isCounted(trials, id))
    .map(operation => ({
      operation,
      plain: summed(trials, operation, 'plain'),
      after: summed(trials, operation, 'tuned'),
    }))
    .sort((a, b) => b.plain.first - a.plain.first)
    .map(({ operation, plain, after }) => [
      operation.label,
      ...[plain.first, after.first, plain.steady, after.steady, plain.processes, plain.waited].map(brief),
      ...[plain.ratio, after.ratio].map(value => formatInterval({ value, low: null, high: null })),
      plain.who,
    ])
}

/** At toy size most are not. */
const isCounted = (trials, id) =>
  !reasonAgainst(trials, id, 'audit') && trials.samples(id, 'audit').flat()[0]?.tuned !== undefined

function missingRows(trials) {
  return operations.flatMap(({ id, label }) => {
    const reason = reasonAgainst(trials, id, 'audit')
    return reason ? [`${label}: ${reason}`] : []
  })
}

function textReport(trials) {
  const drawn = new Table({
    style: PLAIN,
    chars: DENSE,
    head: HEAD,
    colWidths: [30, ...Array(8).fill(null), 26],
    wordWrap: true,
  })
  drawn.push(...auditRows(trials))
  return [drawn.toString(), LEGEND, ...missingRows(trials)].join('\n')
}

const markdownReport = trials =>
  [table(HEAD, auditRows(trials)), LEGEND, ...missingRows(trials).map(line => `- ${line}`)].join('\n\n')

const writesOf = (trials, { id }) =>
  estimate(trials.samples(id, 'audit').map(rounds => rounds.map(({ plain }) => plain.workers.first.writes)))

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'audit',
  answers: [
    'W7',
    'W8',
    'W9',
    'W10',
    'W11',
    'W12',
    'W13',
    'W14',
    'W15',
    'W16',
    'W17',
    'W18',
    'W19',
    'W21',
    'W22',
    'W25',
  ],
  title: 'Who takes the lock',
  question: 'Which calls of Node’s own, and of addons that people have, take mmap_lock for writing, and how often?',
  obstacle: () => (process.platform === 'linux' ? undefined : 'mmap_lock is a lock of Linux'),
  named: true,
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  async measure(context) {
    const { signal, size } = context
    const noPeers = size === 'toy' ? undefined : await installPeers(signal)
    const trials = new Trials(worksOf(size, { noPeers, untraced: tracingObstacle()?.reason }))
    await measureTrials(trials, context)
    context.save('audit.md', `${markdownReport(trials)}\n`)
    return trials
  },
  report: textReport,

  claims: [
    ...operations.map(operation => ({
      id: `audit/${operation.id.replaceAll(' ', '-')}`,
      source: contention,
      needs: nothingMore,
      text: `${operation.label}: a worker takes mmap_lock for writing at least once in 100 calls`,
      figure: 'any hot path that allocates',
      unit: 'lock writes a call, first calls',
      rule: atLeast(OFTEN),
      measure: (_, trials) => writesOf(trials, operation),
    })),
    {
      id: 'audit/tuned',
      source: ours,
      text: 'of calls that take it at least once in 100, steady: with faultless/tune, half of them take it less than a fifth as often',
      figure: 'below 0.2',
      unit: 'of the lock writes, the middle one of all calls',
      rule: atMost(0.2),
      measure: (_, trials) => middleOfTuned(trials),
    },
  ],
}

/** The median, over calls, of what is left of their lock writes. */
function middleOfTuned(trials) {
  const shares = operations.flatMap(operation => {
    if (!isCounted(trials, operation.id)) return []
    const [plain, after] = WAYS.map(({ id }) => summed(trials, operation, id).steady)
    return plain < OFTEN ? [] : [after / plain]
  })
  if (shares.length === 0) throw notRunnable('no call takes the lock')
  return estimate(shares.map(share => [share]))
}
