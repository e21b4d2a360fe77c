// threshold-dynamic: does glibc's dynamic mmap threshold cure the contention without being asked?
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, atMost } from '../harness/verdict.mjs'
import { kernelLock, ours } from './sources.mjs'
import { AT, lockWritesAgainst, thresholdExperiment, timesAsOften } from './threshold-works.mjs'

/** @type {import('./index.mjs').Experiment} */
export default {
  ...thresholdExperiment(['fixed', 'dynamic', 'tuple'], [AT.threads]),
  id: 'threshold-dynamic',
  answers: ['K8'],
  title: 'The dynamic mmap threshold',
  question: 'Does a threshold that follows the largest buffer freed end the contention of native threads by default?',
  obstacle: twoCores,
  claims: [
    {
      id: 'threshold-dynamic/cures',
      source: kernelLock,
      text: 'buffers of 1 MiB, 8 threads: malloc without settings is at least twice as fast as with a threshold fixed at 128 KiB',
      figure: '"a very simple patch to solve this problem in the general case"',
      unit: 'dynamic / fixed',
      rule: atLeast(2),
      measure: (_, trials) => timesAsOften(trials, 'dynamic', 'fixed'),
    },
    {
      id: 'threshold-dynamic/locks',
      source: kernelLock,
      text: 'buffers of 1 MiB, 8 threads, malloc without settings: at most a tenth of the write locks per buffer',
      figure: '"dynamically tune the mmap threshold"',
      unit: 'lock writes, dynamic / fixed',
      rule: atMost(0.1),
      measure: (_, trials) => lockWritesAgainst(trials, 'dynamic', 'fixed'),
    },
    {
      id: 'threshold-dynamic/tuple',
      source: ours,
      text: 'buffers of 1 MiB, 8 threads that free each buffer at once: tuning malloc makes them at most 1.1 times as fast',
      figure: 'at most 1.1',
      unit: 'tuned / dynamic',
      rule: atMost(1.1),
      measure: (_, trials) => timesAsOften(trials, 'tuple', 'dynamic'),
    },
  ],
}
