// Samples that lie apart from the others. They stay in, and are named.
import { modes } from '../harness/cells.mjs'
import { passesOf } from '../harness/ratios.mjs'
import { isOutlier, modifiedZScores } from '../harness/statistics.mjs'

/** @param {string} name @param {number[][]} passes rates, by pass and round */
export function outlierWarnings(name, passes) {
  const samples = passes.flatMap(rates => rates.map((rate, round) => ({ round, rate })))
  const scores = samples.length > 0 ? modifiedZScores(samples.map(({ rate }) => rate)) : []
  const slow = scores.filter((score, index) => samples[index].round === 0 && score < 0 && isOutlier(score)).length
  const others = scores.filter(isOutlier).length - slow
  return [
    ...(slow > 0 ? [`warning: ${name}: ${slow} of ${passes.length} first rounds are slow outliers`] : []),
    ...(others > 0 ? [`warning: ${name}: ${others} of ${samples.length} samples are outliers`] : []),
  ]
}

/** Of the steady reads of cells. @param {import('../harness/run.mjs').Measured[]} cells */
export function cellWarnings(cells) {
  return cells.flatMap(cell =>
    modes.flatMap(mode => {
      const rates = passesOf(cell, 'steady', [mode]).flatMap(pairs =>
        pairs ? [pairs.map(pair => pair[mode].throughput)] : [],
      )
      return outlierWarnings(`${cell.name}, ${mode}`, rates)
    }),
  )
}
