// How often a known slow-down is seen, and how often one is seen where there is none: passes of A/A controls, drawn anew.
import { mean, sampleWithReplacement } from 'simple-statistics'
import { cellKey } from '../harness/cells.mjs'
import { seededRandom } from '../harness/random.mjs'
import { pairRatio, passesOf } from '../harness/ratios.mjs'
import { recordedCells } from '../harness/recorded.mjs'
import { UsageError } from '../harness/requirements.mjs'
import { readSamples } from '../harness/results.mjs'
import { estimate, LEAST_PASSES } from '../harness/statistics.mjs'
import { above, below, decide } from '../harness/verdict.mjs'

const SLOWER = [0, 0.03, 0.05, 0.1]
const PASSES = [LEAST_PASSES, 6, 12, 24]
const RUNS = 1000
const FIGURES = {
  'workers, first reads': ['first', ({ workers }) => workers.throughput],
  'workers, steady reads': ['steady', ({ workers }) => workers.throughput],
  'workers / processes, first reads': ['first', pairRatio],
}

/** The logarithms of A over A, pass by pass, as one and the same cell was measured twice. */
function controlPasses(folder, phase, of) {
  const cells = [...recordedCells(readSamples(folder)).values()]
  const control = cells.find(({ twin }) => twin)
  const base = control && cells.find(({ key }) => key === cellKey({ ...control, twin: undefined }))
  if (!base) return []
  const [own, other] = [control, base].map(cell => passesOf(cell, phase))
  return own.flatMap((rounds, pass) =>
    rounds?.[0] && other[pass]?.[0] ? [Math.log(of(rounds[0]) / of(other[pass][0]))] : [],
  )
}

/** Shares of runs of so many passes in which A was found slower, and faster. @param {number[]} differences @param {number} passes @param {number} slower */
export function decidedShares(differences, passes, slower) {
  const random = seededRandom(1)
  const middle = mean(differences)
  const found = Array.from({ length: RUNS }, () => {
    const drawn = sampleWithReplacement(differences, passes, random)
    const interval = estimate(drawn.map(value => [Math.exp(value - middle) * (1 - slower)]))
    return [below(1), above(1)].map(rule => decide(rule, interval)[0] === 'reproduced')
  })
  const share = index => found.filter(outcome => outcome[index]).length / RUNS
  return { slower: share(0), faster: share(1) }
}

/** @param {string[]} folders */
export function power(folders) {
  if (folders.length === 0) throw new UsageError('power takes folders of results with an A/A control')
  const tables = Object.entries(FIGURES).flatMap(([name, [phase, of]]) => {
    const differences = folders.flatMap(folder => controlPasses(folder, phase, of))
    if (differences.length < LEAST_PASSES) return []
    const percent = value => `${Math.round(100 * value)} %`
    return [
      `${name}: ${differences.length} passes of A/A controls`,
      '  passes  found where nothing differs  slower by 3 %  by 5 %  by 10 %',
      ...PASSES.map(passes => {
        const [none, ...others] = SLOWER.map(slower => decidedShares(differences, passes, slower))
        const cells = [percent(none.slower + none.faster).padStart(27), ...others.map(({ slower }) => percent(slower))]
        const [first, three, five, ten] = cells
        return `${String(passes).padStart(8)}  ${first}  ${three.padStart(13)}  ${five.padStart(6)}  ${ten.padStart(7)}`
      }),
    ]
  })
  if (tables.length === 0)
    throw new UsageError(`${folders.join(', ')}: fewer than ${LEAST_PASSES} passes of A/A controls`)
  return tables.join('\n')
}
