// How a claim is decided: a rule is a line drawn before the run, and an interval lies on one side of it or straddles it.

/**
 * @typedef {'confirmed' | 'refuted' | 'inconclusive' | 'not runnable here'} Verdict
 * @typedef {{ text: string, decide: (interval: import('./compare.mjs').Interval) => Verdict }} Rule
 */

/** @param {number} line @returns {Rule} */
export const below = line => ({
  text: `confirmed when the whole interval lies below ${line}, refuted when none of it does`,
  decide: ({ low, high }) => (high < line ? 'confirmed' : low >= line ? 'refuted' : 'inconclusive'),
})

/** @param {number} line @returns {Rule} */
export const atLeast = line => ({
  text: `confirmed when the whole interval is at least ${line}, refuted when none of it is`,
  decide: ({ low, high }) => (low >= line ? 'confirmed' : high < line ? 'refuted' : 'inconclusive'),
})

/** @param {number} line @returns {Rule} */
export const atMost = line => ({
  text: `confirmed when the whole interval is at most ${line}, refuted when none of it is`,
  decide: ({ low, high }) => (high <= line ? 'confirmed' : low > line ? 'refuted' : 'inconclusive'),
})

/** @param {number} from @param {number} to @returns {Rule} */
export const within = (from, to) => ({
  text: `confirmed when the whole interval lies in ${from} to ${to}, refuted when none of it does`,
  decide: ({ low, high }) =>
    low >= from && high <= to ? 'confirmed' : high < from || low > to ? 'refuted' : 'inconclusive',
})

const TOY = 'toy size: only the answers are checked'
const NOTHING = { value: null, low: null, high: null }

/**
 * The summary rows of one experiment, a row for each claim.
 * @param {import('../experiments/index.mjs').Experiment} experiment
 * @param {{
 *   results: import('./run.mjs').Results, size: import('./cells.mjs').RunSize, obstacle?: string,
 *   found?: import('../experiments/index.mjs').Found
 * }} outcome `found` is what the experiment measured itself
 */
export function judge(experiment, { results, size, obstacle, found }) {
  return experiment.claims.map(({ id, source, text, figure, unit, rule, measure }) => {
    const row = (measured, verdict, reason) => ({
      experiment: experiment.id,
      claim: { id, text, figure },
      source,
      measured: { ...measured, unit },
      verdict,
      reason,
    })
    if (obstacle) return row(NOTHING, 'not runnable here', obstacle)
    const failed = size === 'toy' && experiment.variants(size).find(cell => results.failure(cell))
    if (failed) return row(NOTHING, 'inconclusive', results.failure(failed))
    try {
      const interval = measure(results, found)
      return size === 'toy' ? row(NOTHING, 'inconclusive', TOY) : row(interval, rule.decide(interval), rule.text)
    } catch (error) {
      if (error.code === 'ERR_NOT_RUNNABLE') return row(NOTHING, 'not runnable here', error.message)
      if (error.code === 'ERR_CELL_FAILED') return row(NOTHING, 'inconclusive', error.message)
      if (error.code === 'ERR_NOT_MEASURED' && size === 'toy') return row(NOTHING, 'inconclusive', TOY)
      throw error
    }
  })
}
