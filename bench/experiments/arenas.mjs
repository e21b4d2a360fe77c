// arenas: is it malloc's arenas that worker threads contend for?
import { cross, FEW, KiB, under } from '../harness/cells.mjs'
import { ratio, speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { arenas, tuned } from '../harness/variants.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { contention, ours } from './sources.mjs'

const at = (variant = {}, reader = 'readFileSync') => ({ reader, size: 64 * KiB, k: 8, ...variant })
const unit = 'workers / processes'

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'arenas',
  answers: ['W51', 'W52', 'W53', 'W107'],
  title: 'One arena, or 64',
  question: 'Does MALLOC_ARENA_MAX close the gap between worker threads and processes?',
  obstacle: twoCores,
  variants(size) {
    const cells = cross({ reader: ['readFileSync'], ...FEW[size] })
    return [
      ...cells,
      ...under(cells, [arenas(1), arenas(64), tuned()]),
      ...cross({ reader: ['readInto', 'view'], ...FEW[size] }),
    ]
  },
  traced: size => (size === 'toy' ? [] : [at(), ...[arenas(1), arenas(64), tuned()].map(variant => at(variant))]),
  claims: [
    ...[
      { most: 1, figure: '96k / 138k ops/s: 0.70' },
      { most: 64, figure: '94k / 153k ops/s: 0.61' },
    ].map(({ most, figure }) => ({
      id: `arenas/${most}`,
      source: contention,
      text: `readFileSync of 64 KiB, k=8, first reads, MALLOC_ARENA_MAX=${most}: workers are still slower than processes`,
      figure,
      unit,
      rule: below(0.95),
      measure: results => ratio(results.cell(at(arenas(most))), 'first'),
    })),
    {
      id: 'arenas/total',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: with one arena workers are faster than with the default number',
      figure: '96k / 77k ops/s: 1.26',
      unit: 'one arena / default, workers',
      rule: atLeast(1.05),
      measure: results => speedup(results.cell(at(arenas(1))), results.cell(at()), 'first', 'workers'),
    },
    {
      id: 'arenas/tuned',
      source: ours,
      text: 'readFileSync of 64 KiB, k=8, once the heaps have stopped growing: tuned workers are faster than workers with one arena',
      figure: 'more than 1.05',
      unit: 'tuned / one arena, workers',
      rule: atLeast(1.05),
      measure: results => speedup(results.cell(at(tuned())), results.cell(at(arenas(1))), 'steady', 'workers'),
    },
  ],
}
