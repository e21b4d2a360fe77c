// lock-wait: how long do worker threads and processes wait for mmap_lock while they read?
import { lockRatio, lockSpeedup, locks, locksOf } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { at, ours, plain, sized } from './mitigations.mjs'
import { contention, ours as expectations } from './sources.mjs'

const cells = () => [plain(), ...ours()]
/** What waits for longer, in nanoseconds, was put to sleep. */
const ASLEEP = 16_384

const tail = ({ locks: { writes } }) =>
  writes.waited.histogram.filter(({ from }) => from >= ASLEEP).reduce((sum, { count }) => sum + count, 0) / writes.count

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'lock-wait',
  answers: ['W2', 'W3', 'W4', 'W26', 'W96', 'W97', 'W99', 'W109', 'W116', 'W122', 'W128'],
  title: 'Waits for mmap_lock',
  question: 'How often do worker threads in readFileSync take mmap_lock, and how long do they wait for it?',
  obstacle: twoCores,
  variants: size => sized(size, cells()),
  traced: size => sized(size, cells()),
  claims: [
    {
      id: 'lock-wait/acquisitions',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: workers take the lock for writing more often in each read than processes',
      figure: '10,572 / 4,711: 2.2',
      unit: 'workers / processes',
      rule: atLeast(1.1),
      measure: results => lockRatio(results.locks(plain()), locks.writesPerThousand),
    },
    {
      id: 'lock-wait/total',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: in each read, workers wait for it (for writing) at least 10 times as long as processes',
      figure: '311 / 8 ms: 39',
      unit: 'workers / processes',
      rule: atLeast(10),
      measure: results => lockRatio(results.locks(plain()), locks.writeWaitPerRead),
    },
    {
      id: 'lock-wait/mean',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: each time that they take it, workers wait for it at least 5 times as long as processes',
      figure: '29.4 / 1.7 µs: 17',
      unit: 'workers / processes',
      rule: atLeast(5),
      measure: results => lockRatio(results.locks(plain()), locks.writeWait),
    },
    {
      id: 'lock-wait/tail',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: more than a tenth of the waits of workers are longer than 16 µs',
      figure: '4,583 of 10,572: 0.43',
      unit: 'of the acquisitions for writing, workers',
      rule: atLeast(0.1),
      measure: results => locksOf(results.locks(plain()), 'workers', tail),
    },
    ...['readInto', 'view'].map(reader => ({
      id: `lock-wait/ours-${reader}`,
      source: expectations,
      text: `64 KiB, k=8, first reads: workers in ${reader} wait for the lock less than a tenth as long in each read as workers in readFileSync`,
      figure: 'below 0.1',
      unit: `${reader} / readFileSync, workers`,
      rule: below(0.1),
      measure: results => lockSpeedup(results.locks(at(reader)), results.locks(plain()), 'workers', locks.waitPerRead),
    })),
  ],
}
