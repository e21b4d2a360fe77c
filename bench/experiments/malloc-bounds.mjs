// malloc-bounds: how often does malloc map and unmap the same size again, and which settings end its adapting?
import { atLeast, atMost, within } from '../harness/verdict.mjs'
import { kernelLock } from './sources.mjs'
import { AT, lockWrites, lockWritesAgainst, thresholdExperiment } from './threshold-works.mjs'

/** @type {import('./index.mjs').Experiment} */
export default {
  ...thresholdExperiment(['dynamic', 'fixed', 'padded'], [AT.threads]),
  id: 'malloc-bounds',
  title: 'The bounds of malloc’s adapting',
  question: 'How often does malloc map and unmap the same size again, and which settings end its adapting?',
  answers: ['K5', 'K10', 'K11'],
  named: true,
  claims: [
    {
      id: 'malloc-bounds/again',
      source: kernelLock,
      text: 'buffers of 1 MiB, 8 threads, the threshold fixed at 128 KiB: each buffer is mapped and unmapped, two lock writes',
      figure: 'mmap and munmap of the same size, over and over',
      unit: 'lock writes a buffer',
      rule: within(1.9, 2.5),
      measure: (_, trials) => lockWrites(trials, 'fixed'),
    },
    {
      id: 'malloc-bounds/trim',
      source: kernelLock,
      text: 'the same, told nothing: trimming begins at twice the threshold, so a buffer that is freed and taken again is not given back',
      figure: 'trim = 2 x threshold',
      unit: 'lock writes a buffer',
      rule: atMost(0.1),
      measure: (_, trials) => lockWrites(trials, 'dynamic'),
    },
    {
      id: 'malloc-bounds/any-setting',
      source: kernelLock,
      text: 'the same, told no more than a top pad: the threshold adapts no longer, and the lock is taken at least 10 times as often',
      figure: 'any setting ends it',
      unit: 'lock writes, with a top pad / told nothing',
      rule: atLeast(10),
      measure: (_, trials) => lockWritesAgainst(trials, 'padded', 'dynamic'),
    },
  ],
}
