// cold-delay: how late are timers while cold files are read by chunks(), with and without `shared: true`?
import { MiB } from '../harness/cells.mjs'
import { laterThanIdle } from '../harness/ratios.mjs'
import { trialsTime } from '../harness/trials.mjs'
import { atMost } from '../harness/verdict.mjs'
import { cacheTables } from '../report/cache.mjs'
import { trialWarnings } from '../report/trials.mjs'
import { coldWork, filesToSum, SHARED_CHUNKS } from './cache-works.mjs'
import { measureOnDisks } from './on-disks.mjs'
import { ours } from './sources.mjs'

const SIZES = {
  toy: { sequence: { files: 2, size: MiB }, often: { passes: 1, rounds: 1, milliseconds: 300 } },
  quick: { sequence: { files: 8, size: 64 * MiB }, often: { passes: 6, rounds: 1, milliseconds: 1200 } },
  full: { sequence: { files: 8, size: 256 * MiB }, often: { passes: 12, rounds: 1, milliseconds: 3500 } },
}

/** @param {import('../harness/cells.mjs').RunSize} size */
const worksOf = (size, on) => [coldWork('cold', on, SIZES[size].often, ['mmap async', 'chunks', SHARED_CHUNKS, 'idle'])]

const within2ms = (id, text, method) => ({
  id: `cold-delay/${id}`,
  source: ours,
  text: `${text}: timers are as punctual as in an idle process (99 of 100)`,
  figure: 'at most 2 ms',
  rule: atMost(2),
  ...laterThanIdle('cold', 'p99', [method]),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'cold-delay',
  title: 'Timers while cold files are read',
  question: 'How late are timers while cold files are read by chunks(), with and without shared memory?',
  obstacle: () => undefined,
  variants: () => [],
  time: size => trialsTime(worksOf(size, {})),
  measure: context =>
    measureOnDisks(context, { make: (size, signal) => filesToSum(SIZES[size].sequence, signal), worksOn: worksOf }),
  report: trials => [cacheTables(trials), ...trialWarnings(trials)].join('\n'),

  claims: [
    within2ms('chunks', 'cold, with chunks()', 'chunks'),
    within2ms('chunks-shared', 'cold, with chunks({ shared: true })', SHARED_CHUNKS),
  ],
}
