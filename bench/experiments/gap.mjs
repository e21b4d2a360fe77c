// gap: are worker threads slower than processes at the same reads?
import { cross, GRID } from '../harness/cells.mjs'
import { ratio } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { atLeast, below, within } from '../harness/verdict.mjs'
import { orToy, plain, SIZE, TUNED } from './mitigations.mjs'
import { contention, ours } from './sources.mjs'

const READERS = ['readFileSync', 'mmapRead', 'readInto', 'view']
const at = (reader, k = 8) => ({ reader, size: SIZE, k })
const unit = 'workers / processes'
const spoken = { first: 'the first 2,000 reads', steady: 'reads once the heaps have stopped growing' }

const keepsUp = (reader, phase) => ({
  id: `gap/ours-${reader}-${phase}`,
  source: ours,
  text: `${reader} of 64 KiB, k=8, ${spoken[phase]}: workers are not slower than processes`,
  figure: 'at least 0.95',
  unit,
  rule: atLeast(0.95),
  measure: results => ratio(results.cell(at(reader)), phase),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'gap',
  answers: ['W1', 'W7', 'W23', 'W34', 'W49', 'W106', 'W110', 'W111', 'W118', 'W120'],
  title: 'Worker threads against processes',
  question: 'Are worker threads slower than processes at reading the same 64 KiB file, and are they with our methods?',
  brief: true,
  obstacle: twoCores,
  variants: size => [
    ...cross({ reader: READERS, ...GRID[size] }),
    ...orToy(size, [at('readFileSync', 1), plain(TUNED)]),
  ],
  traced: size => cross({ reader: READERS, ...GRID[size], size: [size === 'toy' ? 128 : SIZE] }),
  claims: [
    {
      id: 'gap/slower',
      source: contention,
      text: `readFileSync of 64 KiB, k=8, ${spoken.first}: workers are slower than processes`,
      figure: '79k / 147k ops/s: 0.54 (0.55-0.65 over runs)',
      unit,
      rule: below(0.95),
      measure: results => ratio(results.cell(at('readFileSync')), 'first'),
    },
    {
      id: 'gap/wide',
      source: contention,
      text: `readFileSync of 64 KiB, k=8, ${spoken.first}: processes are at least 1.4 times as fast, a ratio below 0.71`,
      figure: '0.54 (0.55-0.65 over runs)',
      unit,
      rule: below(0.71),
      measure: results => ratio(results.cell(at('readFileSync')), 'first'),
    },
    {
      id: 'gap/lasts',
      source: contention,
      text: `readFileSync of 64 KiB, k=8, ${spoken.steady}: workers are slower than processes in any hot path that allocates`,
      figure: 'measured over the first 2,000 reads only',
      unit,
      rule: below(0.95),
      measure: results => ratio(results.cell(at('readFileSync')), 'steady'),
    },
    {
      id: 'gap/alone',
      source: ours,
      text: `readFileSync of 64 KiB, k=1, ${spoken.steady}: a worker alone is as fast as a process`,
      figure: '0.9 to 1.1',
      unit,
      rule: within(0.9, 1.1),
      measure: results => ratio(results.cell(at('readFileSync', 1)), 'steady'),
    },
    ...['mmapRead', 'readInto', 'view'].flatMap(reader => [keepsUp(reader, 'first'), keepsUp(reader, 'steady')]),
  ],
}
