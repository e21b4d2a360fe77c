// gap-by-size: at which file size is the gap between worker threads and processes the widest?
import { cross, GRID, KiB, MiB } from '../harness/cells.mjs'
import { ratio, ratioAgainstLowest } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { contention } from './sources.mjs'

const SIZES = GRID.full.size
const at = size => ({ reader: 'readFileSync', size, k: 8 })

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'gap-by-size',
  answers: ['W45', 'W50'],
  title: 'The gap by file size',
  question: 'At which file size are worker threads slowest against processes?',
  obstacle: twoCores,
  variants(size) {
    if (size === 'quick') return cross({ reader: ['readFileSync'], size: SIZES, k: [8] })
    return cross({ reader: ['readFileSync', 'readSync', 'mmapRead', 'readInto', 'view'], ...GRID[size] })
  },
  claims: [
    {
      id: 'gap-by-size/widest',
      source: contention,
      text: 'readFileSync, k=8, first reads: of 128 B, 64 KiB, 1 MiB and 8 MiB the gap is widest at 64 KiB',
      figure: 'widest at 64 KiB',
      unit: 'ratio at 64 KiB / lowest ratio at another size',
      rule: below(1),
      measure: results =>
        ratioAgainstLowest(
          results.cell(at(64 * KiB)),
          SIZES.filter(size => size !== 64 * KiB).map(size => results.cell(at(size))),
          'first',
        ),
    },
    {
      id: 'gap-by-size/large',
      source: contention,
      text: 'readFileSync of 8 MiB, k=8, first reads: the gap is small',
      figure: '1,515 / 1,640 ops/s: 0.92',
      unit: 'workers / processes',
      rule: atLeast(0.85),
      measure: results => ratio(results.cell(at(8 * MiB)), 'first'),
    },
  ],
}
