// cores-cap: do workers past the number of cores add anything but contention?
import { availableParallelism } from 'node:os'
import { lockSpeedup, locks, speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, atMost } from '../harness/verdict.mjs'
import { at, orToy, ours, plain } from './mitigations.mjs'
import { contention, ours as expectations } from './sources.mjs'

const CORES = availableParallelism()
const capped = plain({ k: CORES })
const crowded = plain({ k: 4 * CORES })
const cells = size => [
  capped,
  plain({ k: 2 * CORES }),
  crowded,
  ...(size === 'full' ? ours({ k: CORES }) : [at('readInto', { k: CORES })]),
  ...ours({ k: 4 * CORES }),
]

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'cores-cap',
  answers: ['W24'],
  title: 'Workers past the number of cores',
  question: 'Do worker threads past the number of cores read more, or do they only wait more?',
  obstacle: twoCores,
  variants: size => orToy(size, cells(size)),
  traced: size => orToy(size, [capped, crowded]),
  claims: [
    {
      id: 'cores-cap/throughput',
      source: contention,
      text: 'readFileSync of 64 KiB, first reads: 4 workers for each core read no more than one',
      figure: 'no throughput added',
      unit: '4 for each core / 1, workers',
      rule: atMost(1.1),
      measure: results => speedup(results.cell(crowded), results.cell(capped), 'first', 'workers'),
    },
    {
      id: 'cores-cap/waits',
      source: contention,
      text: 'readFileSync of 64 KiB, first reads: 4 workers for each core wait longer for mmap_lock in each read than one',
      figure: 'only adds contenders',
      unit: '4 for each core / 1, workers',
      rule: atLeast(1.25),
      measure: results => lockSpeedup(results.locks(crowded), results.locks(capped), 'workers', locks.waitPerRead),
    },
    {
      id: 'cores-cap/ours',
      source: expectations,
      text: 'readInto of 64 KiB, first reads: 4 workers for each core read no less than one',
      figure: 'at least 0.9',
      unit: '4 for each core / 1, workers',
      rule: atLeast(0.9),
      measure: results =>
        speedup(
          results.cell(at('readInto', { k: 4 * CORES })),
          results.cell(at('readInto', { k: CORES })),
          'first',
          'workers',
        ),
    },
  ],
}
