// async: does reading with promises help worker threads?
import { cross, GRID, KiB } from '../harness/cells.mjs'
import { ratio, speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, below, within } from '../harness/verdict.mjs'
import { contention, ours } from './sources.mjs'

/** The sources measured it at one size. */
const SIZES = { toy: [128], quick: [64 * KiB], full: [64 * KiB] }
const at = reader => ({ reader, size: 64 * KiB, k: 8 })

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'async',
  answers: ['W40', 'W41', 'W93', 'W94', 'W106'],
  title: 'Reading with promises',
  question: 'Does fs.promises.readFile close the gap, and by making workers faster or processes slower?',
  obstacle: twoCores,
  variants: size =>
    cross({ reader: ['readFileSync', 'readFile-1', 'readFile-8', 'mmapRead'], ...GRID[size], size: SIZES[size] }),
  traced: size =>
    cross({
      reader: ['readFileSync', 'readFile-8', 'mmapRead'],
      ...GRID[size],
      size: SIZES[size],
    }),
  claims: [
    {
      id: 'async/ratio-1',
      source: contention,
      text: '64 KiB, k=8, 1 at a time, first reads: workers are still slower than processes',
      figure: '35k / 41k ops/s: 0.86',
      unit: 'workers / processes',
      rule: below(0.95),
      measure: results => ratio(results.cell(at('readFile-1')), 'first'),
    },
    {
      id: 'async/ratio-8',
      source: contention,
      text: '64 KiB, k=8, 8 at a time, first reads: workers are faster than processes',
      figure: '80k / 61k ops/s: 1.32',
      unit: 'workers / processes',
      rule: atLeast(1.05),
      measure: results => ratio(results.cell(at('readFile-8')), 'first'),
    },
    {
      id: 'async/workers-unchanged',
      source: contention,
      text: '64 KiB, k=8, first reads: workers with 8 reads at a time are as fast as workers in readFileSync',
      figure: '80k / 79k ops/s: 1.02',
      unit: 'readFile / readFileSync, workers',
      rule: within(0.8, 1.25),
      measure: results => speedup(results.cell(at('readFile-8')), results.cell(at('readFileSync')), 'first', 'workers'),
    },
    {
      id: 'async/processes-slower',
      source: contention,
      text: '64 KiB, k=8, first reads: processes with 8 reads at a time are much slower than processes in readFileSync',
      figure: '61k / 147k ops/s: 0.42',
      unit: 'readFile / readFileSync, processes',
      rule: below(0.8),
      measure: results =>
        speedup(results.cell(at('readFile-8')), results.cell(at('readFileSync')), 'first', 'processes'),
    },
    {
      id: 'async/ours-faster',
      source: ours,
      text: '64 KiB, k=8, 1 at a time, once the heaps have stopped growing: workers in mmapRead are faster than workers in fs.promises.readFile',
      figure: 'more than 1.05',
      unit: 'mmapRead / readFile, workers',
      rule: atLeast(1.05),
      measure: results => speedup(results.cell(at('mmapRead')), results.cell(at('readFile-1')), 'steady', 'workers'),
    },
  ],
}
