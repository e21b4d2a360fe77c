// thp: do transparent huge pages change how worker threads fare?
import { GRID, MiB } from '../harness/cells.mjs'
import { HUGE_PAGES, noHugePages } from '../harness/huge-pages.mjs'
import { speedup } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { within } from '../harness/verdict.mjs'
import { orToy, ours, plain, SIZE, withMembers } from './mitigations.mjs'
import { contention } from './sources.mjs'

const SIZES = { toy: [128], quick: GRID.quick.size, full: [...GRID.quick.size, MiB, 8 * MiB] }

const modes = bytes => HUGE_PAGES.map(hugePages => plain({ size: bytes, hugePages }))

const noise = (mode, who, figure) => ({
  id: `thp/${mode}-${who}`,
  source: contention,
  text: `readFileSync of 64 KiB, k=8, first reads of ${who}: huge pages ${mode} or never makes a difference of noise`,
  figure,
  unit: `${mode} / never, ${who}`,
  rule: within(0.85, 1.15),
  measure: results =>
    speedup(results.cell(plain({ hugePages: mode })), results.cell(plain({ hugePages: 'never' })), 'first', who),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'thp',
  answers: ['W38', 'W64', 'W65', 'W108', 'W114', 'W121'],
  title: 'Transparent huge pages',
  question: "Does the kernel's mode of transparent huge pages change how worker threads fare?",
  obstacle: environment => twoCores(environment) ?? noHugePages(),
  variants(size) {
    const cells = SIZES[size].flatMap(modes)
    const more = size === 'full' ? withMembers([...modes(SIZE), ...ours()], GRID.full.k) : ours()
    return orToy(size, [...cells, ...more])
  },
  claims: [
    noise('always', 'workers', '81,774 / 92,394 ops/s: 0.89'),
    noise('madvise', 'workers', '90,206 / 92,394 ops/s: 0.98'),
    noise('always', 'processes', '139,966 / 145,795 ops/s: 0.96'),
  ],
}
