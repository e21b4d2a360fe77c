// api: are the reads of faultless faster than everything a Node user would pick instead?
import { cross, GRID, KiB } from '../harness/cells.mjs'
import { installPeers } from '../harness/peers.mjs'
import { againstBest, pairwise, ratio, worst } from '../harness/ratios.mjs'
import { notRunnable } from '../harness/requirements.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { atLeast, atMost, below } from '../harness/verdict.mjs'
import { growthPictures, growthTables } from '../report/growth.mjs'
import { trialTable, trialWarnings } from '../report/trials.mjs'
import { apiWorks, makeFiles } from './api-works.mjs'
import { ours } from './sources.mjs'

/** @typedef {import('../harness/trials.mjs').Trials} Measured */

const NODE = 'FileHandle.read'
const FRESH = 'FileHandle.read, fresh'
const OURS_COLD = ['readMany', 'readManyInto', 'read']
const KEEPING_UP = { reader: 'readInto', size: 64 * KiB, k: 8 }
const PAGE = 4 * KiB
const IN_PLACE = ['readInto', 'tryReadInto', 'readManyInto', 'view', 'chunks']

/** How many times as fast one way is as another: at the same work, or at another one of the same number of reads. */
const times = (work, way, base, baseWork = work) => ({
  unit: `times ${base}`,
  measure: (_, trials) =>
    pairwise(trials.samples(work, way), trials.samples(baseWork, base), (a, b) => a.rate / b.rate),
})

/** @param {string} id @param {string} text @param {number} line @param {Pick<import('./index.mjs').Claim, 'unit' | 'measure' | 'advice'>} found */
const faster = (id, text, line, found) => ({
  id: `api/${id}`,
  source: ours,
  text,
  figure: `at least ${line}`,
  rule: atLeast(line),
  ...found,
})

const FRESH_1M = 'warm random 1 MiB, a new result each time'
const LARGE_HEAP = `${FRESH_1M}, in a process with 400 MiB of live objects`

/** @param {string} work @param {'p99' | 'max'} of @param {string} spoken @param {string} reads the reads, in the text */
const timersNoLater = (work, of, spoken, reads) => ({
  id: `api/${work}-delay-${of}`,
  source: ours,
  text: `${reads}: timers are no later than with FileHandle.read (${spoken}; their resolution is 1 ms)`,
  figure: 'at most 1 ms more',
  unit: 'ms more than FileHandle.read',
  rule: atMost(1),
  measure: (_, trials) =>
    pairwise(trials.samples(work, 'read'), trials.samples(work, FRESH), (a, b) => a.delay[of] - b.delay[of]),
})

/** @param {string} work @param {string} where */
const coldClaims = (work, where) => [
  faster(`${work}-readMany`, `cold random 4 KiB, ${where}: readMany against fio`, 0.8, times(work, 'readMany', 'fio')),
  faster(
    `${work}-readManyInto`,
    `cold random 4 KiB, ${where}: readManyInto against fio`,
    0.85,
    times(work, 'readManyInto', 'fio'),
  ),
  ...['readMany', 'readManyInto'].map(way =>
    faster(
      `${work}-${way}-node`,
      `cold random 4 KiB, ${where}: ${way} against Promise.all of FileHandle.read`,
      5,
      times(work, way, NODE),
    ),
  ),
  faster(
    `${work}-promises`,
    `cold random 4 KiB, ${where}: Promise.all of read against readMany`,
    0.8,
    times(work, 'read', 'readMany'),
  ),
  {
    id: `api/${work}-bytes`,
    source: ours,
    text: `cold random 4 KiB, ${where}: the disk reads at most a tenth more than the requested bytes (the highest of readMany, readManyInto and read)`,
    figure: 'at most 1.1',
    unit: 'bytes delivered / bytes asked',
    rule: atMost(1.1),
    measure: (_, trials) =>
      worst(
        OURS_COLD.map(way => trials.samples(work, way)),
        ({ diskBytes, reads }) => {
          if (diskBytes === undefined) throw notRunnable('the file system is on no block device of its own')
          return diskBytes / (reads * PAGE)
        },
      ),
  },
]

/** @param {string} id @param {string} which @param {string} base @param {string[]} ways @param {string} less */
const locksBelow = (id, which, base, ways, less) => ({
  id: `api/${id}`,
  source: ours,
  text: `write locks of mmap_lock per 1,000 reads of workers after warm-up, minus those of the same loop ${base}: the highest of the methods ${which}`,
  figure: 'below 1',
  unit: 'times per 1,000 reads',
  rule: below(1),
  measure: (_, trials) => lessBase(trials, 'locks', ways, less, sample => sample.perThousand),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'api',
  answers: ['G1'],
  title: 'The fastest way from a file to JavaScript',
  question: 'Are our reads faster than the alternatives in Node?',
  obstacle: () => undefined,
  variants: size => (size === 'toy' ? cross({ reader: ['readInto'], ...GRID.toy }) : [KEEPING_UP]),
  time: size => trialsTime(apiWorks(size)),

  async measure(context) {
    const { size, signal, save, progress } = context
    progress.begin('installing bench/peers')
    const noPeers = await installPeers(signal)
    progress.begin('making files')
    const files = await makeFiles(size, signal)
    try {
      const trials = new Trials(apiWorks(size, files, noPeers))
      await measureTrials(trials, context)
      for (const { name, picture } of growthPictures(trials)) save(name, picture)
      return trials
    } finally {
      await files.dispose()
    }
  },
  report: trials => [trialTable(trials), ...trialWarnings(trials), ...growthTables(trials)].join('\n'),

  claims: [
    faster(
      'random-4k-readInto',
      'warm random 4 KiB, one at a time: readInto against FileHandle.read into a buffer',
      12,
      { ...times('random-4k', 'readInto', NODE), advice: 'readInto() of 4 KiB, warm, not FileHandle.read' },
    ),
    faster(
      'random-4k-read',
      'warm random 4 KiB, one at a time: read against FileHandle.read into a buffer',
      6,
      times('random-4k', 'read', NODE),
    ),
    faster(
      'another-user',
      'warm random 4 KiB, one at a time, as a user who neither owns the file nor may write it: readInto against FileHandle.read into a buffer',
      6,
      times('another-user', 'readInto', NODE),
    ),
    faster(
      'in-flight-FileHandle',
      'warm random 4 KiB, 64 in flight: readInto against FileHandle.read',
      4,
      times('random-4k-64', 'readInto', NODE),
    ),
    faster(
      'in-flight-fs',
      'warm random 4 KiB, 64 in flight: readInto against fs.read with callbacks',
      2,
      times('random-4k-64', 'readInto', 'fs.read'),
    ),
    faster(
      'random-64k',
      'warm random 64 KiB, one at a time: readInto against FileHandle.read into a buffer',
      4,
      times('random-64k', 'readInto', NODE),
    ),
    faster('fresh-1m', `${FRESH_1M}: read against FileHandle.read`, 1.3, times('fresh-1m', 'read', FRESH)),
    timersNoLater('fresh-1m', 'p99', '99 of 100 timers', FRESH_1M),
    timersNoLater('fresh-1m', 'max', 'the latest timer', FRESH_1M),
    faster('fresh-1m-heap', `${LARGE_HEAP}: read against FileHandle.read`, 0.95, times('fresh-1m-heap', 'read', FRESH)),
    timersNoLater('fresh-1m-heap', 'p99', '99 of 100 timers', LARGE_HEAP),
    timersNoLater('fresh-1m-heap', 'max', 'the latest timer', LARGE_HEAP),
    faster(
      'tryReadInto',
      'warm random 4 KiB: tryReadInto against fs.readSync into a buffer',
      4,
      times('random-4k', 'tryReadInto', 'fs.readSync'),
    ),
    faster('records', 'warm, 1,024 records of 512 B at once: readManyInto against Promise.all of FileHandle.read', 20, {
      ...times('records-512', 'readManyInto', NODE),
      advice: 'readManyInto() of many records, not a read of each',
    }),
    faster(
      'view-sum',
      'warm random 64 KiB and the sum of its bytes: view against FileHandle.read into a buffer',
      1.5,
      times('sum-64k', 'view', NODE),
    ),
    faster(
      'view',
      'warm random 64 KiB: view, which reads no byte, against FileHandle.read into a buffer',
      50,
      times('random-64k', 'view', NODE),
    ),
    faster(
      'mmapRead',
      'warm, a file of 64 KiB by its path: mmapRead against open, read and close of fs.promises',
      3,
      times('path-64k', 'mmapRead', 'open, read, close'),
    ),
    ...coldClaims('cold-random', 'on the disk'),
    ...coldClaims('cold-random-loop', 'on a loop device with a read-ahead of 128 KiB'),
    faster(
      'cold-sequence-node',
      'cold files in order: chunks against the best of FileHandle.read, createReadStream and readFile',
      0.95,
      {
        unit: "times the best of Node's own",
        measure: (_, trials) => againstNode(trials, 'cold-sequence'),
      },
    ),
    faster(
      'warm-sequence',
      'warm files in order: chunks against the best of FileHandle.read, createReadStream and readFile',
      2,
      {
        unit: "times the best of Node's own",
        advice: 'chunks() for warm files in order, not node:fs',
        measure: (_, trials) => againstNode(trials, 'warm-sequence'),
      },
    ),
    locksBelow('locks', 'that allocate no memory for results', 'without the read', IN_PLACE, 'nothing'),
    locksBelow(
      'locks-fresh',
      'that allocate memory for results',
      'that allocates as much and reads nothing',
      ['read', 'readMany', 'mmapRead'],
      'allocate',
    ),
    locksBelow(
      'locks-tuned',
      'that allocate memory for results, after allocator.tune()',
      'without the read',
      ['read, tuned'],
      'nothing',
    ),
    {
      id: 'api/awaits',
      source: ours,
      text: 'a loop that awaits cached reads for seconds (10 s in a full run): delay of the latest timer, minus that in a loop of resolved promises and setImmediate (the highest of our methods)',
      figure: 'at most 5 ms',
      unit: 'ms',
      rule: atMost(5),
      measure: (_, trials) =>
        lessBase(trials, 'awaits', ['readInto', 'read', 'view'], 'nothing', sample => sample.worst),
    },
    {
      id: 'api/keeps-up',
      source: ours,
      text: 'readInto of 64 KiB, k=8, reads once the heaps have stopped growing: workers are not slower than processes',
      figure: 'at least 0.95',
      unit: 'workers / processes',
      rule: atLeast(0.95),
      measure: results => ratio(results.cell(KEEPING_UP), 'steady'),
    },
    {
      id: 'api/open',
      source: ours,
      text: 'opening a sparse file of 1 TiB takes at most 1.5 times as long as opening a file of 4 KiB',
      figure: 'at most 1.5',
      unit: 'time of 1 TiB / time of 4 KiB',
      rule: atMost(1.5),
      measure: (_, trials) =>
        pairwise(
          trials.samples('open', '1 TiB'),
          trials.samples('open', '4 KiB'),
          (huge, small) => small.rate / huge.rate,
        ),
    },
  ],
}

/** @param {Measured} trials @param {string} work */
function againstNode(trials, work) {
  const node = [NODE, 'createReadStream', 'readFile'].map(way => trials.samples(work, way))
  return againstBest(trials.samples(work, 'chunks'), node, sample => sample.rate)
}

/**
 * The worst of those ways that were measured, less another.
 * @param {Measured} trials @param {string} work @param {string[]} names @param {string} less
 * @param {(sample: import('../harness/trials.mjs').Sample) => number} of
 */
function lessBase(trials, work, names, less, of) {
  const base = trials.samples(work, less)
  const ways = trials.waysOf(work).filter(way => names.includes(way))
  return worst(
    ways.map(way => trials.samples(work, way)),
    (sample, pass, round) => of(sample) - of(base[pass][round]),
  )
}
