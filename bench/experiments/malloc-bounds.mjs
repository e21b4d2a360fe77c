// malloc-bounds: how often does malloc map and unmap the same size again, and which settings end the adaptation of its threshold?
import { atLeast, atMost, within } from '../harness/verdict.mjs'
import { kernelLock } from './sources.mjs'
import { AT, lockWrites, lockWritesAgainst, thresholdExperiment } from './threshold-works.mjs'

/** @type {import('./index.mjs').Experiment} */
export default {
  ...thresholdExperiment(['dynamic', 'fixed', 'padded'], [AT.threads]),
  id: 'malloc-bounds',
  title: 'Limits of the dynamic threshold',
  question:
    'How often does malloc map and unmap the same size again, and which settings end the adaptation of its threshold?',
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
      text: 'buffers of 1 MiB, 8 threads, no settings: trimming begins at twice the threshold, so malloc keeps a freed buffer for the next allocation',
      figure: 'trim = 2 x threshold',
      unit: 'lock writes a buffer',
      rule: atMost(0.1),
      measure: (_, trials) => lockWrites(trials, 'dynamic'),
    },
    {
      id: 'malloc-bounds/any-setting',
      source: kernelLock,
      text: 'buffers of 1 MiB, 8 threads, only a top pad set: the threshold no longer adapts, and write locks are at least 10 times as frequent',
      figure: 'any setting ends it',
      unit: 'lock writes, with a top pad / without settings',
      rule: atLeast(10),
      measure: (_, trials) => lockWritesAgainst(trials, 'padded', 'dynamic'),
    },
  ],
}
