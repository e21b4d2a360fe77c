// tune-sweep: which tuning of malloc gives workers the most for the least memory?
import { DEFAULTS } from '../../dist/lib/tuning.js'
import { twoCores } from '../harness/requirements.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { atLeast, below } from '../harness/verdict.mjs'
import { sweepReport } from '../report/sweep.mjs'
import { ours } from './sources.mjs'
import { cheapest, combine, ENOUGH, fastest, gain, nameOf, REFUSED, SIZES, sweepWorks } from './tune-sweep-works.mjs'

/** @typedef {import('./tune-sweep-works.mjs').Tuning} Tuning */

/** The finalists with fewer arenas, too, and what they are held against. @param {Tuning[]} finalists @param {number[]} arenas */
function finals(finalists, arenas) {
  const candidates = unique([
    DEFAULTS,
    ...finalists.flatMap(tuning => [tuning, ...arenas.map(most => ({ ...tuning, arenaMax: most }))]),
  ])
  return { candidates, all: [{}, ...candidates, ...Object.values(REFUSED)] }
}

/** @param {Tuning[]} tunings */
const unique = tunings => [...new Map(tunings.map(tuning => [nameOf(tuning), tuning])).values()]

/** @param {import('../harness/cells.mjs').RunSize} size */
function sweepTime(size) {
  const { grid, screen, finalists, arenas, final } = SIZES[size]
  const tunings = combine(grid)
  const { all } = finals(tunings.slice(0, finalists), arenas)
  return trialsTime([...sweepWorks([{}, ...tunings], SIZES[size], screen), ...sweepWorks(all, SIZES[size], final)])
}

/** @param {import('./index.mjs').Found} found @param {Tuning} tuning @param {Tuning} [base] */
function finalGain({ failures, second }, tuning, base) {
  if (failures.length > 0) throw Object.assign(new Error(failures[0]), { code: 'ERR_CELL_FAILED' })
  return gain(second, tuning, base)
}

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'tune-sweep',
  answers: ['K11'],
  title: 'The cheapest good tuning',
  question: 'Which tuning of malloc keeps nine tenths of the best gain of workers, and costs the least memory?',
  obstacle: twoCores,
  variants: () => [],
  time: sweepTime,

  async measure(context) {
    const { grid, screen, finalists, arenas, final } = SIZES[context.size]
    const tunings = combine(grid)
    const first = new Trials(sweepWorks([{}, ...tunings], SIZES[context.size], screen))
    await measureTrials(first, context)
    if (first.failures.length > 0) return { failures: first.failures }
    const { candidates, all } = finals(cheapest(first, tunings).slice(0, finalists), arenas)
    const second = new Trials(sweepWorks(all, SIZES[context.size], final))
    await measureTrials(second, context)
    if (second.failures.length > 0) return { failures: second.failures }
    const [picked] = cheapest(second, candidates, ENOUGH)
    return { failures: [], first, tunings, second, all, picked, best: fastest(second, candidates) }
  },
  report: sweepReport,

  /** The later stage, whose passes stand in the place of those of the first. */
  recall(trials, size) {
    const { grid, arenas } = SIZES[size]
    const isFinal = tuning =>
      trials.works.every(
        ({ id }) => trials.waysOf(id).includes(nameOf(tuning)) && trials.samples(id, nameOf(tuning)).length > 1,
      )
    const candidates = finals(combine(grid), arenas).candidates.filter(isFinal)
    const [picked] = cheapest(trials, candidates, ENOUGH)
    return { failures: [], second: trials, picked, best: fastest(trials, candidates) }
  },

  claims: [
    {
      id: 'tune-sweep/gain',
      source: ours,
      text: 'the cheapest tuning that keeps nine tenths of the best gain makes workers in readFileSync of 64 KiB, 1 MiB and 8 MiB faster, from their first read on (geometric mean)',
      figure: 'at least 1.5',
      unit: 'times the default',
      rule: atLeast(1.5),
      measure: (_, found) => finalGain(found, found.picked),
    },
    {
      id: 'tune-sweep/defaults',
      source: ours,
      text: 'the defaults of allocator.tune() keep nine tenths of the best gain',
      figure: 'at least 0.9',
      unit: 'of the fastest tuning',
      rule: atLeast(ENOUGH),
      measure: (_, found) => finalGain(found, DEFAULTS, found.best),
    },
    {
      id: 'tune-sweep/pad-alone',
      source: ours,
      text: 'a top pad alone, which ends the dynamic threshold, makes workers slower than no tuning',
      figure: 'below 1',
      unit: 'times the default',
      rule: below(1),
      measure: (_, found) => finalGain(found, REFUSED.pad),
    },
    {
      id: 'tune-sweep/large-threshold',
      source: ours,
      text: 'a threshold over 32 MiB, half of an arena’s heap, makes workers slower than one of 32 MiB',
      figure: 'below 0.9',
      unit: 'times the defaults of tune()',
      rule: below(0.9),
      measure: (_, found) => finalGain(found, REFUSED.threshold, DEFAULTS),
    },
  ],
}
