// example-cell: an experiment of one cell and its base: is readInto faster than readFileSync, at 4 KiB?

import { ours } from '../experiments/sources.mjs'
import { KiB } from '../harness/cells.mjs'
import { speedup } from '../harness/ratios.mjs'
import { atLeast } from '../harness/verdict.mjs'

const at = reader => ({ reader, size: 4 * KiB, k: 2 })

/** @type {import('../experiments/index.mjs').Experiment} */
export default {
  id: 'example-cell',
  title: 'Small reads',
  question: 'Is readInto faster than readFileSync at a cached file of 4 KiB?',
  obstacle: () => undefined,
  variants: () => [at('readInto'), at('readFileSync')],
  claims: [
    {
      id: 'example-cell/faster',
      source: ours,
      text: 'readInto of 4 KiB against readFileSync, two workers, once the heaps have stopped growing',
      figure: 'at least 2',
      unit: 'times readFileSync',
      rule: atLeast(2),
      measure: results => speedup(results.cell(at('readInto')), results.cell(at('readFileSync')), 'steady', 'workers'),
    },
  ],
}
