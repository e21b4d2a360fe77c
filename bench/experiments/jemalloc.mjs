// jemalloc: does another malloc close the gap?
import { cross, FEW, formatSize, KiB, MiB, under } from '../harness/cells.mjs'
import { ratio, speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { jemalloc, jemallocWithoutDecay, noJemalloc, tuned } from '../harness/variants.mjs'
import { atLeast, below, within } from '../harness/verdict.mjs'
import { contention, ours } from './sources.mjs'

const at = (size, variant = {}) => ({ reader: 'readFileSync', size, k: 8, ...variant })

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'jemalloc',
  answers: ['W36', 'W37', 'W59', 'W62', 'W115', 'W126'],
  title: 'Another malloc',
  question: 'Does jemalloc, preloaded, close the gap between worker threads and processes?',
  obstacle: environment => twoCores(environment) ?? noJemalloc(),
  variants(size) {
    const grid = size === 'quick' ? { size: [64 * KiB, 8 * MiB], k: [8] } : FEW[size]
    const cells = cross({ reader: ['readFileSync'], ...grid })
    return [
      ...cells,
      ...under(cells, [jemalloc, jemallocWithoutDecay, tuned()]),
      ...cross({ reader: ['readInto', 'view'], ...FEW[size] }),
    ]
  },
  traced: size => (size === 'toy' ? [] : [at(64 * KiB), at(64 * KiB, jemalloc), at(64 * KiB, tuned())]),
  claims: [
    {
      id: 'jemalloc/ratio',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: workers are slower than processes with jemalloc, too',
      figure: '91k / 125k ops/s: 0.73',
      unit: 'workers / processes',
      rule: below(0.95),
      measure: results => ratio(results.cell(at(64 * KiB, jemalloc)), 'first'),
    },
    {
      id: 'jemalloc/marginal',
      source: contention,
      text: 'readFileSync of 64 KiB, k=8, first reads: jemalloc makes workers hardly faster',
      figure: '91k / 85k ops/s: 1.06',
      unit: 'jemalloc / glibc, workers',
      rule: within(0.85, 1.15),
      measure: results => speedup(results.cell(at(64 * KiB, jemalloc)), results.cell(at(64 * KiB)), 'first', 'workers'),
    },
    {
      id: 'jemalloc/large',
      source: contention,
      text: 'readFileSync of 8 MiB, k=8, first reads: jemalloc makes workers slower',
      figure: '1,144 / 1,515 ops/s: 0.76',
      unit: 'jemalloc / glibc, workers',
      rule: below(0.95),
      measure: results => speedup(results.cell(at(8 * MiB, jemalloc)), results.cell(at(8 * MiB)), 'first', 'workers'),
    },
    ...[64 * KiB, 8 * MiB].flatMap(size => {
      const file = formatSize(size)
      return [
        {
          id: `jemalloc/tuned-${file.replace(' ', '')}`,
          source: ours,
          text: `readFileSync of ${file}, k=8, once the heaps have stopped growing: tuned glibc is not slower than jemalloc in workers`,
          figure: 'at least 0.95',
          unit: 'tuned / jemalloc, workers',
          rule: atLeast(0.95),
          measure: results =>
            speedup(results.cell(at(size, tuned())), results.cell(at(size, jemalloc)), 'steady', 'workers'),
        },
        {
          id: `jemalloc/decay-${file.replace(' ', '')}`,
          source: ours,
          text: `readFileSync of ${file}, k=8, once the heaps have stopped growing: workers are faster with a jemalloc that never returns memory`,
          figure: 'more than 1.05',
          unit: 'without decay / with decay, workers',
          rule: atLeast(1.05),
          measure: results =>
            speedup(
              results.cell(at(size, jemallocWithoutDecay)),
              results.cell(at(size, jemalloc)),
              'steady',
              'workers',
            ),
        },
      ]
    }),
  ],
}
