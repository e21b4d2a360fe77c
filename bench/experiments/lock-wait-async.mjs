// lock-wait-async: how long do worker threads wait for mmap_lock when they read with promises?
import { lockRatio, lockSpeedup, locks } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { at, plain, sized } from './mitigations.mjs'
import { contention, ours } from './sources.mjs'

const PROMISED = at('readFile-8')
const cells = () => [plain(), PROMISED, at('mmapRead')]

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'lock-wait-async',
  answers: ['W21', 'W42', 'W100', 'W102'],
  title: 'Waits for mmap_lock behind promises',
  question: 'Do worker threads wait less for mmap_lock when libuv reads for them?',
  obstacle: twoCores,
  variants: size => sized(size, cells()),
  traced: size => sized(size, cells()),
  claims: [
    {
      id: 'lock-wait-async/acquisitions',
      source: contention,
      text: 'fs.promises.readFile of 64 KiB, 8 at a time, k=8, first reads: workers take the lock for writing more often in each read than processes',
      figure: '4,332 / 2,492: 1.7',
      unit: 'workers / processes',
      rule: atLeast(1.1),
      measure: results => lockRatio(results.locks(PROMISED), locks.writesPerThousand),
    },
    {
      id: 'lock-wait-async/total',
      source: contention,
      text: 'fs.promises.readFile of 64 KiB, 8 at a time, k=8, first reads: in each read, workers wait for the lock at least 5 times as long as processes',
      figure: '89 / 4 ms: 22',
      unit: 'workers / processes',
      rule: atLeast(5),
      measure: results => lockRatio(results.locks(PROMISED), locks.writeWaitPerRead),
    },
    {
      id: 'lock-wait-async/less',
      source: contention,
      text: '64 KiB, k=8, first reads: workers in readFile wait for it, for writing, less than half as long in each read as workers in readFileSync',
      figure: '89 / 311 ms: 0.29',
      unit: 'readFile / readFileSync, workers',
      rule: below(0.5),
      measure: results =>
        lockSpeedup(results.locks(PROMISED), results.locks(plain()), 'workers', locks.writeWaitPerRead),
    },
    {
      id: 'lock-wait-async/ours',
      source: ours,
      text: '64 KiB, k=8, first reads: workers in mmapRead wait for the lock less in each read than workers in readFile',
      figure: 'below 0.8',
      unit: 'mmapRead / readFile, workers',
      rule: below(0.8),
      measure: results =>
        lockSpeedup(results.locks(at('mmapRead')), results.locks(PROMISED), 'workers', locks.waitPerRead),
    },
  ],
}
