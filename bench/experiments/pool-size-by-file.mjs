// pool-size-by-file: for which files does which Buffer.poolSize help?
import { KiB, MiB } from '../harness/cells.mjs'
import { leastSpeedup, speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, within } from '../harness/verdict.mjs'
import { at, OLD_POOL, orToy, ours, pool, poolNeeds } from './mitigations.mjs'
import { contention } from './sources.mjs'

export const FILES = {
  toy: [512],
  quick: [512, 16 * KiB, 64 * KiB, MiB],
  full: [512, 2 * KiB, 4 * KiB, 8 * KiB, 16 * KiB, 64 * KiB, MiB],
}
export const POOLS = {
  toy: [OLD_POOL],
  quick: [OLD_POOL, 256 * KiB],
  full: [OLD_POOL, 16 * KiB, 32 * KiB, 64 * KiB, 128 * KiB, 256 * KiB],
}
const cell = (size, bytes) => at('readFileSync', { size, ...pool(bytes) })

/** How much faster workers are than with a pool of 8 KiB. */
const gain = (results, size, bytes) =>
  speedup(results.cell(cell(size, bytes)), results.cell(cell(size, OLD_POOL)), 'first', 'workers')

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'pool-size-by-file',
  answers: ['W74', 'W79', 'W84', 'W85', 'W87'],
  title: 'Buffer.poolSize by file size',
  question: 'For files of which size does a larger Buffer.poolSize make worker threads faster?',
  obstacle: twoCores,
  variants: size =>
    orToy(size, [...FILES[size].flatMap(file => POOLS[size].map(bytes => cell(file, bytes))), ...ours()]),
  claims: [
    {
      id: 'pool-size-by-file/16KiB',
      source: contention,
      needs: poolNeeds,
      text: '16 KiB, k=8, first reads: a pool of 256 KiB makes workers faster than one of 8 KiB',
      figure: '243k / 148k ops/s: 1.64',
      unit: '256 KiB / 8 KiB, workers',
      rule: atLeast(1.2),
      measure: results => gain(results, 16 * KiB, 256 * KiB),
    },
    {
      id: 'pool-size-by-file/1MiB',
      source: contention,
      needs: poolNeeds,
      text: '1 MiB, k=8, first reads: a pool of 256 KiB changes nothing',
      figure: '13k / 12k ops/s: within noise',
      unit: '256 KiB / 8 KiB, workers',
      rule: within(0.85, 1.18),
      measure: results => gain(results, MiB, 256 * KiB),
    },
    {
      id: 'pool-size-by-file/never-regresses',
      source: contention,
      needs: poolNeeds,
      text: 'k=8, first reads, 512 B to 1 MiB: a pool of 256 KiB never makes workers slower than one of 8 KiB (the worst file)',
      figure: 'never regresses',
      unit: '256 KiB / 8 KiB, workers',
      rule: atLeast(0.9),
      measure: results =>
        leastSpeedup(
          FILES.quick.map(file => [results.cell(cell(file, 256 * KiB)), results.cell(cell(file, OLD_POOL))]),
          'first',
          'workers',
        ),
    },
  ],
}
