// in-detail: the figures with which the first source supports its explanation, one by one.
import { GRID, KiB, MiB } from '../harness/cells.mjs'
import { noHugePages } from '../harness/huge-pages.mjs'
import { lockRatio, lockSpeedup, locks, locksOf, ratioChange, speedup } from '../harness/ratios.mjs'
import { notRunnable, twoCores } from '../harness/requirements.mjs'
import { estimate } from '../harness/statistics.mjs'
import { arenas, jemalloc, lowThreshold, noJemalloc } from '../harness/variants.mjs'
import { atLeast, below, within } from '../harness/verdict.mjs'
import { at, MEMBERS, orToy, plain, pool } from './mitigations.mjs'
import { contention } from './sources.mjs'

/** What waits for longer, in nanoseconds, was put to sleep. */
const ASLEEP = 16_384
const NANOSECONDS = 1e6

const ONE_ARENA = plain(arenas(1))
const LOW = plain(lowThreshold)
const POOLED = at('readFileSync', pool(256 * KiB))
const REUSE = at('readSync')
const PROMISED = at('readFile-8')
/** One thread in each pool of libuv's instead of four. */
const ALONE = { variant: 'UV_THREADPOOL_SIZE=1', env: { UV_THREADPOOL_SIZE: '1' } }
const NARROW = at('readFile-8', ALONE)
const huge = hugePages => plain({ hugePages })
const pooled = size => [at('readFileSync', { ...pool(256 * KiB), size }), plain({ size })]
/** Its fifth step: files by members by malloc. */
const GRID_OF_ARENAS = GRID.full.k.flatMap(k =>
  GRID.full.size.flatMap(size => [{}, arenas(1), arenas(64)].map(more => plain({ size, k, ...more }))),
)

const where = '64 KiB, k=8, first reads'
const tail = ({ locks: { writes } }) =>
  writes.waited.histogram.filter(({ from }) => from >= ASLEEP).reduce((sum, { count }) => sum + count, 0) / writes.count

/** @param {string} id @param {string} text @param {string} figure @param {string} unit @param {import('../harness/verdict.mjs').Rule} rule @param {import('./index.mjs').Claim['measure']} measure */
const claim = (id, text, figure, unit, rule, measure) => ({
  id: `in-detail/${id}`,
  source: contention,
  text,
  figure,
  unit,
  rule,
  measure,
})
const faster = (cell, base, mode) => results => speedup(results.cell(cell), results.cell(base), 'first', mode)
const change = (cell, base) => results => ratioChange(results.cell(cell), results.cell(base), 'first')
const needsHugePages = measure => results => {
  const reason = noHugePages()
  if (reason) throw notRunnable(reason)
  return measure(results)
}
const needsJemalloc = measure => results => {
  const reason = noJemalloc()
  if (reason) throw notRunnable(reason)
  return measure(results)
}

/** Each process has a lock of its own. @param {import('../harness/run.mjs').Measured} cell */
const oneLock = ({ traced }) =>
  estimate(
    traced.map(rounds =>
      rounds.map(({ workers, processes }) => (MEMBERS * workers.locks.writes.count) / processes.locks.writes.count),
    ),
  )

/** A figure of workers in one cell over that of processes in another, pass by pass. */
function across(cell, base, of) {
  const passes = Math.min(cell.traced.length, base.traced.length)
  return estimate(
    Array.from({ length: passes }, (_, pass) => [
      of(cell.traced[pass][0].workers) / of(base.traced[pass][0].processes),
    ]),
  )
}

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'in-detail',
  answers: [
    'W3',
    'W38',
    'W39',
    'W54',
    'W57',
    'W58',
    'W60',
    'W61',
    'W64',
    'W69',
    'W70',
    'W71',
    'W83',
    'W89',
    'W95',
    'W98',
    'W99',
    'W101',
    'W105',
    'W107',
    'W117',
    'W122',
    'W123',
  ],
  title: 'The explanation, figure by figure',
  question: 'Do the figures hold by which the first source explains that worker threads wait for one another?',
  obstacle: twoCores,
  named: true,
  variants(size) {
    const cells = [plain(), ONE_ARENA, LOW, POOLED, REUSE, PROMISED, NARROW, ...pooled(4 * KiB), ...pooled(8 * KiB)]
    const hugePages = noHugePages() ? [] : [huge('madvise'), huge('always'), huge('never')]
    const others = noJemalloc()
      ? []
      : [plain(jemalloc), plain({ size: 8 * MiB, ...jemalloc }), plain({ size: 8 * MiB })]
    return orToy(size, [...cells, ...hugePages, ...others, ...(size === 'full' ? GRID_OF_ARENAS : [])])
  },
  traced(size) {
    const hugePages = noHugePages() ? [] : [huge('always'), huge('never')]
    return orToy(size, [plain(), LOW, POOLED, PROMISED, ...hugePages])
  },
  claims: [
    claim(
      'longest',
      `${where}: the longest wait of workers for the lock, for writing, is of milliseconds`,
      '2 to 4 ms',
      'ms',
      atLeast(1),
      results =>
        locksOf(results.locks(plain()), 'workers', ({ locks: { writes } }) => writes.waited.longest / NANOSECONDS),
    ),
    claim(
      'processes-clustered',
      `${where}: hardly a process waits over 16 µs`,
      '4 of 4,711',
      'of the acquisitions for writing',
      below(0.05),
      results => locksOf(results.locks(plain()), 'processes', tail),
    ),
    claim(
      'one-lock',
      `${where}: the one lock of workers is taken for writing at least 5 times as often as that of each process`,
      '10,572 / 560: 19',
      'times',
      atLeast(5),
      results => oneLock(results.locks(plain())),
    ),
    claim(
      'one-arena-ratio',
      `${where}: MALLOC_ARENA_MAX=1 narrows the gap`,
      '0.54 becomes 0.70: 1.30 times the ratio',
      'ratio with 1 arena / ratio',
      atLeast(1.1),
      change(ONE_ARENA, plain()),
    ),
    claim(
      'low-workers',
      `${where}: with MALLOC_MMAP_THRESHOLD_=4096 workers are less than 0.6 times as fast`,
      '0.39',
      'times',
      below(0.6),
      faster(LOW, plain(), 'workers'),
    ),
    claim(
      'low-processes',
      `${where}: with it, processes are less than 0.8 times as fast`,
      '0.64',
      'times',
      below(0.8),
      faster(LOW, plain(), 'processes'),
    ),
    claim(
      'low-locks',
      `${where}: with it, workers take the lock for writing at least 1.5 times as often in each read`,
      'the "smoking gun"',
      'times',
      atLeast(1.5),
      results => lockSpeedup(results.locks(LOW), results.locks(plain()), 'workers', locks.writesPerThousand),
    ),
    claim(
      'jemalloc-processes',
      `${where}: jemalloc narrows the gap by slowing processes down`,
      '0.88',
      'with jemalloc / without, processes',
      below(0.95),
      needsJemalloc(faster(plain(jemalloc), plain(), 'processes')),
    ),
    claim(
      'jemalloc-8MiB',
      '8 MiB, k=8, first reads: jemalloc widens the gap',
      '0.92 becomes 0.70: 0.76 times the ratio',
      'ratio with jemalloc / ratio',
      below(0.95),
      needsJemalloc(change(plain({ size: 8 * MiB, ...jemalloc }), plain({ size: 8 * MiB }))),
    ),
    claim(
      'huge-processes',
      `${where}: huge pages madvise or never makes a difference of noise to processes`,
      'within 3 %',
      'madvise / never, processes',
      within(0.85, 1.15),
      needsHugePages(faster(huge('madvise'), huge('never'), 'processes')),
    ),
    claim(
      'huge-locks',
      `${where}: workers take the lock for writing as often whatever the size of pages`,
      'once a system call',
      'always / never, workers',
      within(0.8, 1.25),
      needsHugePages(results =>
        lockSpeedup(results.locks(huge('always')), results.locks(huge('never')), 'workers', locks.writesPerThousand),
      ),
    ),
    claim(
      'pool-processes',
      `${where}: a pool of 256 KiB slows processes down`,
      '151k becomes 107k: 0.71',
      '256 KiB / 8 KiB, processes',
      below(0.95),
      faster(POOLED, plain(), 'processes'),
    ),
    claim(
      'pool-wait',
      `${where}: a pool of 256 KiB leaves workers less than 0.7 of the wait for writing in each read`,
      '360 becomes 139 ms: 0.39',
      '256 KiB / 8 KiB, workers',
      below(0.7),
      results => lockSpeedup(results.locks(POOLED), results.locks(plain()), 'workers', locks.writeWaitPerRead),
    ),
    claim(
      'pool-wait-each',
      `${where}: it changes how often workers wait, and not how long each time`,
      '34 µs both',
      '256 KiB / 8 KiB, workers',
      within(0.5, 2),
      results => lockSpeedup(results.locks(POOLED), results.locks(plain()), 'workers', locks.writeWait),
    ),
    ...[4, 8].map((size, nth) =>
      claim(
        `pool-${size}KiB`,
        `files of ${size} KiB, k=8, first reads: a pool of 256 KiB makes workers faster than one of 8 KiB`,
        ['1.17', '1.34'][nth],
        '256 KiB / 8 KiB, workers',
        atLeast(1.1),
        faster(...pooled(size * KiB), 'workers'),
      ),
    ),
    claim(
      'reuse-processes',
      `${where}: processes that reuse one buffer are at least twice as fast as processes in readFileSync`,
      '484k / 147k ops/s: 3.3',
      'readSync / readFileSync, processes',
      atLeast(2),
      faster(REUSE, plain(), 'processes'),
    ),
    claim(
      'pool-threads',
      `${where}, 8 promised reads at a time: with one thread in each pool of libuv’s instead of four, processes are faster: there were too many threads`,
      '40 threads on 8 cores',
      'UV_THREADPOOL_SIZE=1 / 4, processes',
      atLeast(1.05),
      faster(NARROW, PROMISED, 'processes'),
    ),
    claim(
      'promised-each',
      `${where}, 8 promised reads at a time: each time, workers wait for the lock at least 5 times as long as processes`,
      '12 times',
      'workers / processes',
      atLeast(5),
      results => lockRatio(results.locks(PROMISED), locks.writeWait),
    ),
    claim(
      'promised-across',
      `${where}: each time, workers with promised reads wait at least 5 times as long as processes in readFileSync`,
      '12 to 15 times',
      'times',
      atLeast(5),
      results => across(results.locks(PROMISED), results.locks(plain()), locks.writeWait),
    ),
    claim(
      'promised-faster-wait',
      `${where}: each time, workers wait less with promised reads than in readFileSync`,
      '20.5 / 29.4 µs: 0.7',
      'readFile / readFileSync, workers',
      below(1),
      results => lockSpeedup(results.locks(PROMISED), results.locks(plain()), 'workers', locks.writeWait),
    ),
  ],
}
