// mmap-threshold-low: is the gap wider when every buffer is mapped and unmapped?
import { cross, FEW, KiB, under } from '../harness/cells.mjs'
import { ratio, ratioChange } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { lowThreshold } from '../harness/variants.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { contention, ours } from './sources.mjs'

const at = (variant = {}, reader = 'readFileSync') => ({ reader, size: 64 * KiB, k: 8, ...variant })

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'mmap-threshold-low',
  answers: ['W55', 'W56'],
  title: 'Every buffer mapped',
  question: 'Is the gap wider when MALLOC_MMAP_THRESHOLD_=4096 makes malloc map every buffer?',
  obstacle: twoCores,
  variants(size) {
    const cells = cross({ reader: ['readFileSync'], ...FEW[size] })
    return [...cells, ...under([...cells, ...cross({ reader: ['readInto'], ...FEW[size] })], [lowThreshold])]
  },
  traced: size => (size === 'toy' ? [] : [at(), at(lowThreshold)]),
  claims: [
    {
      id: 'mmap-threshold-low/collapse',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: workers have less than half of the rate of processes',
      figure: '31k / 94k ops/s: 0.33',
      unit: 'workers / processes',
      rule: below(0.5),
      measure: results => ratio(results.cell(at(lowThreshold)), 'first'),
    },
    {
      id: 'mmap-threshold-low/wider',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: the gap between workers and processes is wider than at the default',
      figure: '0.33 / 0.54: 0.61',
      unit: 'ratio mapped / ratio at the default',
      rule: below(0.9),
      measure: results => ratioChange(results.cell(at(lowThreshold)), results.cell(at()), 'first'),
    },
    {
      id: 'mmap-threshold-low/ours',
      source: ours,
      text: 'readInto of 64 KiB into one buffer, k=8, once the heaps have stopped growing, the same threshold: workers are not slower than processes',
      figure: 'at least 0.95',
      unit: 'workers / processes',
      rule: atLeast(0.95),
      measure: results => ratio(results.cell(at(lowThreshold, 'readInto')), 'steady'),
    },
  ],
}
