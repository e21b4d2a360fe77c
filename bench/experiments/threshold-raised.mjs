// threshold-raised: is raising malloc's mmap threshold to the largest buffer the cure?
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, atMost } from '../harness/verdict.mjs'
import { kernelLock, ours } from './sources.mjs'
import { AT, lockWritesAgainst, thresholdExperiment, timesAsOften } from './threshold-works.mjs'

/** @type {import('./index.mjs').Experiment} */
export default {
  ...thresholdExperiment(['fixed', 'raised', 'tuple'], [AT.threads]),
  id: 'threshold-raised',
  answers: ['W20', 'K7'],
  title: 'A raised mmap threshold',
  question: 'Does raising the threshold to the largest buffer end the contention of native threads?',
  obstacle: twoCores,
  claims: [
    {
      id: 'threshold-raised/cures',
      source: kernelLock,
      text: 'buffers of 1 MiB, 8 threads: with only the threshold raised to the largest buffer, at least twice as fast as with a threshold fixed at 128 KiB',
      figure: '"The performance problems disappeared"',
      unit: 'raised / fixed',
      rule: atLeast(2),
      measure: (_, trials) => timesAsOften(trials, 'raised', 'fixed'),
    },
    {
      id: 'threshold-raised/locks',
      source: kernelLock,
      text: 'buffers of 1 MiB, 8 threads, the threshold raised to the largest buffer: at most a tenth of the write locks per buffer',
      figure: '"no longer single threading"',
      unit: 'lock writes, raised / fixed',
      rule: atMost(0.1),
      measure: (_, trials) => lockWritesAgainst(trials, 'raised', 'fixed'),
    },
    {
      id: 'threshold-raised/tuple',
      source: ours,
      text: 'buffers of 1 MiB, 8 threads: with threshold, trim threshold and top pad raised together at least twice as fast as with the threshold alone, where glibc trims the top of an arena at every free',
      figure: 'at least 2',
      unit: 'all three / threshold alone',
      rule: atLeast(2),
      measure: (_, trials) => timesAsOften(trials, 'tuple', 'raised'),
    },
  ],
}
