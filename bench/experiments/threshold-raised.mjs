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
  question: 'Does raising the threshold to the largest buffer cure native threads of the contention?',
  obstacle: twoCores,
  claims: [
    {
      id: 'threshold-raised/cures',
      source: kernelLock,
      text: 'buffers of 1 MiB, 8 threads: with the threshold raised to the largest buffer, and nothing else, at least twice as fast as with one fixed at 128 KiB',
      figure: '"The performance problems disappeared"',
      unit: 'raised / fixed',
      rule: atLeast(2),
      measure: (_, trials) => timesAsOften(trials, 'raised', 'fixed'),
    },
    {
      id: 'threshold-raised/locks',
      source: kernelLock,
      text: 'the same: the lock is taken for writing a tenth as often per buffer, or less',
      figure: '"no longer single threading"',
      unit: 'lock writes, raised / fixed',
      rule: atMost(0.1),
      measure: (_, trials) => lockWritesAgainst(trials, 'raised', 'fixed'),
    },
    {
      id: 'threshold-raised/tuple',
      source: ours,
      text: 'the same: with the threshold, the trim threshold and the top pad raised together at least twice as fast as with the threshold alone, after which glibc gives the top of each arena back at every free',
      figure: 'at least 2',
      unit: 'all three / threshold alone',
      rule: atLeast(2),
      measure: (_, trials) => timesAsOften(trials, 'tuple', 'raised'),
    },
  ],
}
