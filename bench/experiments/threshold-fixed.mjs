// threshold-fixed: do native threads serialise on the lock where malloc's mmap threshold is fixed below their buffers?
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { kernelLock } from './sources.mjs'
import { AT, clearedPages, parallel, thresholdExperiment, waiting } from './threshold-works.mjs'

/** @type {import('./index.mjs').Experiment} */
export default {
  ...thresholdExperiment(['fixed', 'dynamic'], [1, AT.threads]),
  id: 'threshold-fixed',
  answers: ['W20', 'K1', 'K2', 'K4', 'K12', 'K13'],
  title: 'A fixed mmap threshold',
  question: 'Do native threads serialise where each of their buffers is mapped and unmapped?',
  obstacle: twoCores,
  claims: [
    {
      id: 'threshold-fixed/serialise',
      source: kernelLock,
      text: 'buffers of 1 MiB above a fixed threshold, 8 threads: only one thread at a time makes progress: less than 0.65 of the rate that the cores allow',
      figure: '"all the threads were doing it quite often", one at a time',
      unit: 'of one thread × cores',
      rule: below(0.65),
      measure: (_, trials) => parallel(trials, 'fixed'),
    },
    {
      id: 'threshold-fixed/waits',
      source: kernelLock,
      text: 'buffers of 1 MiB above a fixed threshold, 8 threads: they wait for mmap_lock for at least a tenth of their time',
      figure: '"a stunning amount of time"',
      unit: 'of the threads’ time',
      rule: atLeast(0.1),
      measure: (_, trials) => waiting(trials, 'fixed'),
    },
    {
      id: 'threshold-fixed/clears',
      source: kernelLock,
      text: 'buffers of 1 MiB above a fixed threshold, 8 threads: the kernel zeroes at least nine tenths of the pages of each buffer',
      figure: '"the kernel was forced to re-clear the buffer"',
      unit: 'pages faulted in / pages allocated',
      rule: atLeast(0.9),
      measure: (_, trials) => clearedPages(trials, 'fixed'),
    },
  ],
}
