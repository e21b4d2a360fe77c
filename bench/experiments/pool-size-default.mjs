// poolSize-default: should the default of Buffer.poolSize rise?
import { KiB } from '../harness/cells.mjs'
import { leastSpeedup, speedup } from '../harness/ratios.mjs'
import { nothingMore, twoCores } from '../harness/requirements.mjs'
import { atLeast, within } from '../harness/verdict.mjs'
import { at, OLD_POOL, orToy, ours, pool, poolNeeds } from './mitigations.mjs'
import { contention } from './sources.mjs'

const NEW_POOL = 64 * KiB
const HELPED = [8 * KiB, 16 * KiB]
const OTHERS = [512, 64 * KiB]
const cell = (size, bytes) => at('readFileSync', { size, ...pool(bytes) })

const helped = (file, figure) => ({
  id: `poolSize-default/${file / KiB}KiB`,
  source: contention,
  needs: poolNeeds,
  text: `${file / KiB} KiB, k=8, first reads: a pool of 64 KiB makes workers faster than one of 8 KiB`,
  figure,
  unit: '64 KiB / 8 KiB, workers',
  rule: atLeast(1.1),
  measure: results =>
    speedup(results.cell(cell(file, NEW_POOL)), results.cell(cell(file, OLD_POOL)), 'first', 'workers'),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'poolSize-default',
  answers: ['W44', 'W77', 'W79', 'W80', 'W81', 'W82', 'W88', 'W127'],
  title: 'The default of Buffer.poolSize',
  question: 'Should the default of Buffer.poolSize rise from 8 KiB, and what is it in this Node?',
  obstacle: twoCores,
  variants: size =>
    orToy(size, [
      ...[...HELPED, ...OTHERS].flatMap(file => [OLD_POOL, NEW_POOL].map(bytes => cell(file, bytes))),
      ...ours(),
    ]),
  claims: [
    {
      id: 'poolSize-default/value',
      source: contention,
      needs: nothingMore,
      text: "this Node's own default of Buffer.poolSize is 8 KiB (later ones have 64 KiB)",
      figure: '8 KiB since 2015',
      unit: 'KiB',
      rule: within(8, 8),
      measure(_, __, { bufferPoolSize }) {
        const value = bufferPoolSize / KiB
        return { value, low: value, high: value }
      },
    },
    helped(8 * KiB, '254k / 202k ops/s: 1.26'),
    helped(16 * KiB, '181k / 148k ops/s: 1.23'),
    {
      id: 'poolSize-default/elsewhere',
      source: contention,
      needs: poolNeeds,
      text: 'k=8, first reads, files of 512 B and 64 KiB: a pool of 64 KiB is no slower than one of 8 KiB (the worst of the two)',
      figure: 'ties within noise',
      unit: '64 KiB / 8 KiB, workers',
      rule: atLeast(0.9),
      measure: results =>
        leastSpeedup(
          OTHERS.map(file => [results.cell(cell(file, NEW_POOL)), results.cell(cell(file, OLD_POOL))]),
          'first',
          'workers',
        ),
    },
  ],
}
