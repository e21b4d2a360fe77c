// reuse: does reading into one buffer, instead of a new one each time, close the gap?
import { cross, GRID, KiB, MiB } from '../harness/cells.mjs'
import { ratio, speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast } from '../harness/verdict.mjs'
import { orToy, plain, TUNED } from './mitigations.mjs'
import { contention, ours } from './sources.mjs'

const READERS = ['readFileSync', 'readSync', 'readInto', 'view']
const at = (reader, size = 64 * KiB) => ({ reader, size, k: 8 })

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'reuse',
  answers: ['W22', 'W26', 'W27', 'W28', 'W90', 'W91', 'W106', 'W112', 'W119'],
  title: 'A reused buffer',
  question: 'Does reading into one buffer that is used again close the gap between worker threads and processes?',
  brief: true,
  obstacle: twoCores,
  variants(size) {
    const cells = [...cross({ reader: READERS, ...GRID[size] }), ...orToy(size, [plain(TUNED)])]
    return size === 'quick' ? [...cells, at('readSync', MiB)] : cells
  },
  traced: size => cross({ reader: READERS, ...GRID[size], size: [size === 'toy' ? 128 : 64 * KiB] }),
  claims: [
    {
      id: 'reuse/faster',
      source: contention,
      text: '64 KiB, k=8, first reads: workers that reuse one buffer are several times as fast as workers in readFileSync',
      figure: '393k / 79k ops/s: 5 times',
      unit: 'readSync / readFileSync, workers',
      advice: 'read into one buffer that is used again, not with fs.readFileSync',
      rule: atLeast(2),
      measure: results => speedup(results.cell(at('readSync')), results.cell(at('readFileSync')), 'first', 'workers'),
    },
    {
      id: 'reuse/ratio',
      source: contention,
      text: '64 KiB, k=8, first reads: with one reused buffer the gap nearly closes',
      figure: '393k / 484k ops/s: 0.81',
      unit: 'workers / processes',
      rule: atLeast(0.8),
      measure: results => ratio(results.cell(at('readSync')), 'first'),
    },
    {
      id: 'reuse/ratio-1MiB',
      source: contention,
      text: '1 MiB, k=8, first reads: with one reused buffer workers are faster than processes',
      figure: '39k / 35k ops/s: 1.11',
      unit: 'workers / processes',
      rule: atLeast(1),
      measure: results => ratio(results.cell(at('readSync', MiB)), 'first'),
    },
    {
      id: 'reuse/ours-faster',
      source: ours,
      text: '64 KiB, k=8, once the heaps have stopped growing: workers in readInto are not slower than workers in openSync, readSync, closeSync into one buffer',
      figure: 'at least 1',
      unit: 'readInto / readSync, workers',
      rule: atLeast(1),
      measure: results => speedup(results.cell(at('readInto')), results.cell(at('readSync')), 'steady', 'workers'),
    },
  ],
}
