// mmap-max: does a malloc that never maps buffers, and gives nothing back, close the gap?
import { cross, FEW, KiB, under } from '../harness/cells.mjs'
import { speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { noMmap, tuned } from '../harness/variants.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { contention, ours } from './sources.mjs'

const at = (variant = {}) => ({ reader: 'readFileSync', size: 64 * KiB, k: 8, ...variant })

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'mmap-max',
  answers: ['W35', 'W113'],
  title: 'No buffer mapped',
  question: 'Do MALLOC_MMAP_MAX_=0 and MALLOC_TRIM_THRESHOLD_=-1 make worker threads faster?',
  obstacle: twoCores,
  variants(size) {
    const cells = cross({ reader: ['readFileSync'], ...FEW[size] })
    return [...cells, ...under(cells, [noMmap, tuned()]), ...cross({ reader: ['readInto', 'view'], ...FEW[size] })]
  },
  traced: size => (size === 'toy' ? [] : [at(), at(noMmap), at(tuned())]),
  claims: [
    {
      id: 'mmap-max/marginal',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: workers become hardly faster, by less than 15 %',
      figure: '5-7 %, once 30 % and never again',
      unit: 'told / default, workers',
      rule: below(1.15),
      measure: results => speedup(results.cell(at(noMmap)), results.cell(at()), 'first', 'workers'),
    },
    {
      id: 'mmap-max/steady',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, once the heaps have stopped growing: workers become hardly faster, by less than 15 %',
      figure: 'measured over the first 2,000 reads only',
      unit: 'told / default, workers',
      rule: below(1.15),
      measure: results => speedup(results.cell(at(noMmap)), results.cell(at()), 'steady', 'workers'),
    },
    {
      id: 'mmap-max/tuned',
      source: ours,
      text: 'readFileSync of 64 KiB, k=8, once the heaps have stopped growing: workers with allocator.tune() are faster than with these settings',
      figure: 'more than 1.05',
      unit: 'tuned / told, workers',
      rule: atLeast(1.05),
      measure: results => speedup(results.cell(at(tuned())), results.cell(at(noMmap)), 'steady', 'workers'),
    },
  ],
}
