// cache: is mapping a file blocking I/O in disguise, and are the ways out as fast as the disk?
import { MiB } from '../harness/cells.mjs'
import { againstBest, laterThanIdle, pairwise } from '../harness/ratios.mjs'
import { all, hardwareThreads, notRunnable, readAheadUpTo } from '../harness/requirements.mjs'
import { extremeOf } from '../harness/statistics.mjs'
import { trialsTime } from '../harness/trials.mjs'
import { atLeast, atMost, below, within } from '../harness/verdict.mjs'
import { cachePicture, cacheTables } from '../report/cache.mjs'
import { trialWarnings } from '../report/trials.mjs'
import {
  coldWork,
  conventional,
  filesToSum,
  limit,
  nativeConventional,
  ours as oursWays,
  warmWork,
} from './cache-works.mjs'
import { measureOnDisks } from './on-disks.mjs'
import { asyncHazard, ours, prefaulting } from './sources.mjs'

/** `sequence`: the files; `cold`, `warm`: how often, and about how long one takes with its preparation, in milliseconds. */
const SIZES = {
  toy: {
    sequence: { files: 2, size: MiB },
    cold: { passes: 1, rounds: 1, milliseconds: 300 },
    warm: { passes: 1, rounds: 1, milliseconds: 20 },
  },
  quick: {
    sequence: { files: 8, size: 16 * MiB },
    cold: { passes: 4, rounds: 1, milliseconds: 500 },
    warm: { passes: 4, rounds: 1, milliseconds: 25 },
  },
  full: {
    sequence: { files: 8, size: 256 * MiB },
    cold: { passes: 100, rounds: 1, milliseconds: 3500 },
    warm: { passes: 100, rounds: 1, milliseconds: 500 },
  },
}
/** What a full run may take where nobody says otherwise. */
const HOUR = 3_600_000

/** @param {import('../harness/cells.mjs').RunSize} size */
function worksOf(size, on) {
  const { cold, warm } = SIZES[size]
  const withLimit = work => ({ ...work, ways: [...work.ways, limit(on, cold)] })
  return [
    withLimit(coldWork('cold', on, cold)),
    withLimit(coldWork('common', on, cold)),
    warmWork('anew', on, { ...warm, rounds: 1 }),
    warmWork('warm', on, warm),
  ]
}

/** The time of one way over that of another, at the same work or at others. */
const timeRatio = (work, way, base, baseWork = work) => ({
  unit: `times as long as ${work === baseWork ? '' : `${baseWork}, `}${base}`,
  measure: (_, trials) =>
    pairwise(trials.samples(work, way), trials.samples(baseWork, base), (a, b) => a.milliseconds / b.milliseconds),
})

/** The time of one way over that of the fastest of others. */
const againstFastest = (work, way, others) => ({
  unit: 'times as long as the fastest conventional way',
  measure: (_, trials) =>
    extremeOf(
      others.map(other => timeRatio(work, way, other).measure(_, trials)),
      Math.max,
    ),
})

/** Whatever is said of cold files is tried with the disk's own read-ahead, and with that of most disks. */
const READ_AHEADS = [
  ['cold', 'cold'],
  ['common', 'cold, read-ahead 128 KiB'],
]

/** A long read-ahead keeps the disk busy without any concurrency. */
const usualDisk = all(hardwareThreads(8), readAheadUpTo(128))

/** The same claim, tried in the native program and in Node. */
const inBoth = claim =>
  [
    ['native', 'Rust', 'native '],
    ['node', 'Node', ''],
  ].map(([id, spoken, prefix]) => {
    const { text, figure, rule, ...rest } = claim(prefix)
    return { ...rest, id: `cache/${rest.id}-${id}`, source: asyncHazard, text: `${spoken}, ${text}`, figure, rule }
  })

const target = (id, text, figure, rule, found) => ({ id: `cache/${id}`, source: ours, text, figure, rule, ...found })

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'cache',
  answers: [
    'A1',
    'A2',
    'A3',
    'A4',
    'A5',
    'A6',
    'A7',
    'A8',
    'A9',
    'A14',
    'A15',
    'A16',
    'A17',
    'A18',
    'A19',
    'A20',
    'G1',
    'G11',
  ],
  title: 'Mapping as blocking I/O in disguise',
  question:
    'Is asynchronous code that indexes a mapping concurrent at all, cold and warm, and are our methods as fast?',
  obstacle: () => undefined,
  variants: () => [],
  time: (size, budget = HOUR) => Math.min(budget, trialsTime(worksOf(size, {}))),

  async measure(context) {
    const { budget = HOUR } = context
    const trials = await measureOnDisks(
      { ...context, budget },
      {
        make: (size, signal) => filesToSum(SIZES[size].sequence, signal),
        worksOn: worksOf,
      },
    )
    context.save('cache.svg', cachePicture(trials))
    return trials
  },
  report: trials => [cacheTables(trials), ...trialWarnings(trials)].join('\n'),

  claims: [
    ...READ_AHEADS.flatMap(([work, cold]) =>
      inBoth(prefix => ({
        id: `async-mmap-${work}`,
        text: `${cold}: async over a mapping has no concurrency, it takes as long as 1 thread that takes the files in order`,
        figure: '2.5 s / 2.5 s: 1',
        rule: within(0.8, 1.25),
        ...timeRatio(work, `${prefix}mmap async`, `${prefix}mmap one`),
      })),
    ),
    ...READ_AHEADS.flatMap(([work, cold]) =>
      inBoth(prefix => ({
        id: `async-mmap-threads-${work}`,
        ...(work === 'cold' && { needs: usualDisk }),
        text: `${cold}: async over a mapping is far slower than 8 threads over a mapping`,
        figure: '2.5 s / 0.75 s: 3.3',
        rule: atLeast(1.5),
        ...timeRatio(work, `${prefix}mmap async`, `${prefix}mmap threads`),
      })),
    ),
    ...READ_AHEADS.flatMap(([work, cold]) =>
      inBoth(prefix => ({
        id: `async-mmap-read-${work}`,
        ...(work === 'cold' && { needs: usualDisk }),
        text: `${cold}: async over a mapping is far slower than async over conventional reads`,
        figure: '2.5 s / 0.62 s: 4.0',
        rule: atLeast(1.5),
        ...timeRatio(work, `${prefix}mmap async`, `${prefix}read async`),
      })),
    ),
    ...READ_AHEADS.flatMap(([work, cold]) =>
      inBoth(prefix => ({
        id: `read-concurrency-${work}`,
        text: `${cold}: conventional reads gain from either form of concurrency (the faster of the two over 1 thread)`,
        figure: '0.62 s / 0.67 s: 0.93',
        rule: below(0.97),
        unit: 'times as long as 1 thread',
        measure: (_, trials) =>
          againstBest(
            trials.samples(work, `${prefix}read one`),
            [`${prefix}read async`, `${prefix}read threads`].map(way => trials.samples(work, way)),
            sample => 1 / sample.milliseconds,
          ),
      })),
    ),
    ...[
      ['one', '1 thread', '0.12 s / 0.14 s: 0.86'],
      ['threads', '8 threads', '0.049 s / 0.063 s: 0.78'],
      ['async', 'async', '0.12 s / 0.22 s: 0.55'],
    ].flatMap(([concurrency, spoken, figure]) =>
      inBoth(prefix => ({
        id: `warm-${concurrency}`,
        text: `warm, ${spoken}: a mapping beats conventional reads`,
        figure,
        rule: below(1),
        ...timeRatio('warm', `${prefix}mmap ${concurrency}`, `${prefix}read ${concurrency}`),
      })),
    ),
    ...inBoth(prefix => ({
      id: 'anew-one',
      text: 'in the page cache but newly mapped, 1 thread: a mapping beats conventional reads',
      figure: 'not told apart from warm',
      rule: below(1),
      ...timeRatio('anew', `${prefix}mmap one`, `${prefix}read one`),
    })),
    ...inBoth(prefix => ({
      id: 'cold-warm',
      text: '1 thread: a mapping is many times slower cold than warm',
      figure: '2.5 s / 0.12 s: 21',
      rule: atLeast(5),
      ...timeRatio('cold', `${prefix}mmap one`, `${prefix}mmap one`, 'warm'),
    })),
    {
      id: 'cache/ignore',
      source: prefaulting,
      text: 'SSDs are fast enough to ignore the problem: cold, code that indexes a mapping delays timers by no more than 2 ms (99 of 100)',
      figure: '"how bad can it be?"',
      rule: atMost(2),
      ...laterThanIdle('cold', 'p99', ['mmap async']),
    },
    {
      id: 'cache/platforms',
      source: asyncHazard,
      text: 'it is similar on all platforms',
      figure: 'a hypothesis; arm64 macOS measured',
      unit: '',
      rule: within(0.8, 1.25),
      measure: () => {
        throw notRunnable(
          `one machine is one platform (here ${process.platform} ${process.arch}): .github/workflows/matrix.yml runs this on Linux x64 and arm64, macOS and Windows, and collects the results`,
        )
      },
    },
    ...READ_AHEADS.flatMap(([work, cold]) => [
      target(
        `${work}-fastest`,
        `${cold}: chunks takes no longer than the fastest conventional way, in Node or Rust`,
        'at most 1.05',
        atMost(1.05),
        againstFastest(work, 'chunks', [...conventional, ...nativeConventional]),
      ),
      target(
        `${work}-naive`,
        `${cold}: indexing a mapped Buffer takes far longer than chunks`,
        'at least 1.8',
        atLeast(1.8),
        {
          ...timeRatio(work, 'mmap async', 'chunks'),
          advice: `chunks() for files on the disk (${cold}), not a mapped Buffer`,
        },
      ),
    ]),
    target(
      'cold-delay',
      'cold: with chunks, readInto and readMany timers are as punctual as in an idle process (99 of 100, the worst of the three)',
      'at most 2 ms',
      atMost(2),
      laterThanIdle('cold', 'p99', oursWays),
    ),
    target(
      'warm-fastest',
      'warm: chunks takes half as long as the fastest conventional way in Node, worker threads among them',
      'at most 0.5',
      atMost(0.5),
      againstFastest('warm', 'chunks', conventional),
    ),
    target(
      'warm-async',
      'warm: chunks takes half as long as the fastest conventional way on one thread of JavaScript',
      'at most 0.5',
      atMost(0.5),
      againstFastest('warm', 'chunks', ['read async', 'read one']),
    ),
    target(
      'anew-fastest',
      'in the page cache but newly opened: chunks takes no longer than the fastest conventional way in Node',
      'at most 1',
      atMost(1),
      againstFastest('anew', 'chunks', conventional),
    ),
  ],
}
