// allocator: does it matter to our reads which allocator their results come from?
import { capabilities } from 'faultless'
import { cross, formatSize, GRID, MiB, under } from '../harness/cells.mjs'
import { ratio, speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { jemallocResults, tuned } from '../harness/variants.mjs'
import { atLeast } from '../harness/verdict.mjs'
import { ours } from './sources.mjs'

const SIZES = [MiB, 8 * MiB]
const at = (size, variant = {}, reader = 'read') => ({ reader, size, k: 8, ...variant })

/** The addon can be built without it. */
const noJemalloc = () => (capabilities().jemalloc ? undefined : 'this build of faultless has no jemalloc')

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'allocator',
  answers: ['M5'],
  title: 'The allocator of results',
  question: 'Are our reads of large ranges faster with results from jemalloc than from the process’s malloc?',
  obstacle: environment => twoCores(environment) ?? noJemalloc(),
  variants(size) {
    const grid = { toy: GRID.toy, quick: { size: SIZES, k: [8] }, full: { size: SIZES, k: [4, 8] } }[size]
    const cells = cross({ reader: ['read'], ...grid })
    return [...cells, ...under(cells, [jemallocResults, tuned()]), ...cross({ reader: ['readFileSync'], ...grid })]
  },
  claims: SIZES.flatMap(size => {
    const file = formatSize(size)
    const claim = (id, text, line, unit, measure) => ({
      id: `allocator/${id}-${file.replace(' ', '')}`,
      source: ours,
      text: `read of ${file}, k=8, once the heaps have stopped growing: ${text}`,
      figure: `at least ${line}`,
      unit,
      rule: atLeast(line),
      measure,
    })
    const workers = (results, cell, base) => speedup(results.cell(cell), results.cell(base), 'steady', 'workers')
    return [
      claim(
        'jemalloc',
        'workers with results from jemalloc are faster than workers with results from malloc',
        1.05,
        'jemalloc / glibc, workers',
        results => workers(results, at(size, jemallocResults), at(size)),
      ),
      claim(
        'ratio',
        'with results from jemalloc workers are not slower than processes',
        0.95,
        'workers / processes',
        results => ratio(results.cell(at(size, jemallocResults)), 'steady'),
      ),
      claim(
        'tuned',
        'workers with results from a tuned malloc are not slower than with results from jemalloc',
        0.95,
        'tuned / jemalloc, workers',
        results => workers(results, at(size, tuned()), at(size, jemallocResults)),
      ),
      claim(
        'node',
        'workers with results from jemalloc are faster than workers in readFileSync',
        1.05,
        'jemalloc / readFileSync, workers',
        results => workers(results, at(size, jemallocResults), at(size, {}, 'readFileSync')),
      ),
    ]
  }),
}
