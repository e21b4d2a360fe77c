// pool-size: does a larger Buffer.poolSize close the gap?
import { KiB, MiB } from '../harness/cells.mjs'
import { lockSpeedup, locks, ratioChange, speedup } from '../harness/ratios.mjs'
import { nodeFrom, twoCores } from '../harness/requirements.mjs'
import { atLeast, atMost, below } from '../harness/verdict.mjs'
import { at, OLD_POOL, orToy, ours, plain, pool, poolNeeds, sized } from './mitigations.mjs'
import { contention, ours as expectations } from './sources.mjs'

/** What is said to be the best. */
const BEST = pool(256 * KiB)
const HUGE = pool(16 * MiB)
export const POOLS = {
  toy: [OLD_POOL, 256 * KiB],
  quick: [OLD_POOL, 256 * KiB, 4 * MiB, 16 * MiB],
  full: [OLD_POOL, 256 * KiB, MiB, 4 * MiB, 16 * MiB],
}
const pools = size => POOLS[size].map(bytes => at('readFileSync', pool(bytes)))

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'pool-size',
  answers: ['W29', 'W30', 'W31', 'W33', 'W68', 'W72', 'W73', 'W84'],
  title: 'A larger Buffer.poolSize',
  question: 'Does a larger Buffer.poolSize let worker threads in readFileSync be as fast as processes?',
  obstacle: twoCores,
  variants: size => sized(size, [...pools(size), ...ours()]),
  traced: size => orToy(size, [plain(), at('readFileSync', BEST), ...(size === 'full' ? pools(size) : [])]),
  claims: [
    {
      id: 'pool-size/faster',
      source: contention,
      needs: poolNeeds,
      text: '64 KiB, k=8, first reads: a pool of 256 KiB makes workers faster than one of 8 KiB',
      figure: '105,031 / 79,708 ops/s: 1.32',
      unit: '256 KiB / 8 KiB, workers',
      advice: 'set Buffer.poolSize to 256 KiB for files of 64 KiB',
      rule: atLeast(1.1),
      measure: results => speedup(results.cell(at('readFileSync', BEST)), results.cell(plain()), 'first', 'workers'),
    },
    {
      id: 'pool-size/gap',
      source: contention,
      needs: poolNeeds,
      text: '64 KiB, k=8, first reads: a pool of 256 KiB closes most of the gap',
      figure: '0.53 becomes 0.81: 1.53 times the ratio',
      unit: 'ratio with 256 KiB / ratio with 8 KiB',
      rule: atLeast(1.2),
      measure: results => ratioChange(results.cell(at('readFileSync', BEST)), results.cell(plain()), 'first'),
    },
    {
      id: 'pool-size/locks',
      source: contention,
      needs: nodeFrom(22),
      text: '64 KiB, k=8, first reads: with a pool of 256 KiB workers take mmap_lock for writing less often',
      figure: '4,137 / 10,500: 0.39',
      unit: '256 KiB / 8 KiB, workers',
      rule: atMost(0.6),
      measure: results =>
        lockSpeedup(
          results.locks(at('readFileSync', BEST)),
          results.locks(plain()),
          'workers',
          locks.writesPerThousand,
        ),
    },
    {
      id: 'pool-size/too-large',
      source: contention,
      needs: poolNeeds,
      text: '64 KiB, k=8, first reads: a pool of 4 MiB is worse than one of 256 KiB',
      figure: '76,891 / 105,031 ops/s: 0.73',
      unit: '4 MiB / 256 KiB, workers',
      rule: below(0.95),
      measure: results =>
        speedup(
          results.cell(at('readFileSync', pool(4 * MiB))),
          results.cell(at('readFileSync', BEST)),
          'first',
          'workers',
        ),
    },
    {
      id: 'pool-size/largest',
      source: contention,
      needs: poolNeeds,
      text: '64 KiB, k=8, first reads: with a pool of 16 MiB the ratio is higher than with one of 8 KiB',
      figure: '0.53 becomes 0.87: 1.64 times the ratio',
      unit: 'ratio with 16 MiB / ratio with 8 KiB',
      rule: atLeast(1.2),
      measure: results => ratioChange(results.cell(at('readFileSync', HUGE)), results.cell(plain()), 'first'),
    },
    {
      id: 'pool-size/ours',
      source: expectations,
      text: '64 KiB, k=8, first reads: workers in readInto are faster than workers in readFileSync with a pool of 256 KiB',
      figure: 'at least 1.05',
      unit: 'readInto / readFileSync with 256 KiB, workers',
      rule: atLeast(1.05),
      measure: results =>
        speedup(results.cell(at('readInto')), results.cell(at('readFileSync', BEST)), 'first', 'workers'),
    },
  ],
}
