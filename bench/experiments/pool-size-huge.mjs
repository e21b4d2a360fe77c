// pool-size-huge: is a pool that is larger than the files a regression for large ones?
import { MiB } from '../harness/cells.mjs'
import { speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { at, OLD_POOL, ours, pool, poolNeeds, sized } from './mitigations.mjs'
import { contention, ours as expectations } from './sources.mjs'

const SIZE = 8 * MiB
const cell = bytes => at('readFileSync', { size: SIZE, ...pool(bytes) })
const cells = size => [
  cell(OLD_POOL),
  cell(32 * MiB),
  ...(size === 'full' ? ours({ size: SIZE }) : [at('readInto', { size: SIZE })]),
]

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'pool-size-huge',
  answers: ['W76'],
  title: 'A huge Buffer.poolSize',
  question: 'Do worker threads read files of 8 MiB slower with a Buffer.poolSize of 32 MiB?',
  obstacle: twoCores,
  variants: size => sized(size, cells(size)),
  traced: size => (size === 'full' ? cells(size) : []),
  claims: [
    {
      id: 'pool-size-huge/regresses',
      source: contention,
      needs: poolNeeds,
      text: '8 MiB, k=8, first reads: a pool of 32 MiB makes workers slower than one of 8 KiB',
      figure: '880 / 1,519 ops/s: 0.58',
      unit: '32 MiB / 8 KiB, workers',
      rule: below(0.9),
      measure: results => speedup(results.cell(cell(32 * MiB)), results.cell(cell(OLD_POOL)), 'first', 'workers'),
    },
    {
      id: 'pool-size-huge/ours',
      source: expectations,
      text: '8 MiB, k=8, first reads: workers in readInto are faster than workers in readFileSync',
      figure: 'at least 1.1',
      unit: 'readInto / readFileSync, workers',
      rule: atLeast(1.1),
      measure: results =>
        speedup(results.cell(at('readInto', { size: SIZE })), results.cell(cell(OLD_POOL)), 'first', 'workers'),
    },
  ],
}
