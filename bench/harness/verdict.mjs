// How a claim is decided: a rule is a line drawn before the run, and an interval lies on one side of it or straddles it.

/**
 * @typedef {'confirmed' | 'refuted' | 'inconclusive' | 'not runnable here'} Verdict
 * @typedef {{ text: string, decide: (interval: import('./ratios.mjs').Interval) => Verdict }} Rule
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
 * No verdict is stronger than the noise: what comes out as far apart when nothing differs is within reach of the value. What
 * samples differ by and what the machine does are two errors, and add up as such do: by their squares. Counts have no such noise.
 * @param {import('./ratios.mjs').Interval} interval
 * @param {import('./noise.mjs').Noise} [noise]
 */
export function withNoise({ value, low, high, timed }, noise) {
  const factor = noise?.factor[timed] ?? 1
  const wider = times => Math.exp(Math.hypot(Math.log(times), Math.log(factor)))
  return { value, low: low > 0 ? value / wider(value / low) : low, high: high > 0 ? value * wider(high / value) : high }
}

/**
 * The summary rows of one experiment, a row for each claim.
 * @param {import('../experiments/index.mjs').Experiment} experiment
 * @param {{
 *   results: import('./measured.mjs').Results, size: import('./cells.mjs').RunSize, obstacle?: string,
 *   found?: import('../experiments/index.mjs').Found, noise?: import('./noise.mjs').Noise
 * }} outcome `found` is what the experiment measured itself
 */
export function judge(experiment, { results, size, obstacle, found, noise }) {
  return experiment.claims.map(({ id, source, text, figure, unit, rule, measure }) => {
    const row = ({ value, low, high }, verdict, reason) => ({
      experiment: experiment.id,
      claim: { id, text, figure },
      source,
      measured: { value, low, high, unit },
      verdict,
      reason,
    })
    if (obstacle) return row(NOTHING, 'not runnable here', obstacle)
    const failed = size === 'toy' && experiment.variants(size).find(cell => results.failure(cell))
    if (failed) return row(NOTHING, 'inconclusive', results.failure(failed))
    try {
      const interval = measure(results, found)
      if (size === 'toy') return row(NOTHING, 'inconclusive', TOY)
      const factor = noise?.factor[interval.timed]
      const allowing = factor ? `, and so when it is widened by noise of ${percent(factor)}` : ''
      return row(interval, rule.decide(withNoise(interval, noise)), rule.text + allowing)
    } catch (error) {
      if (error.code === 'ERR_NOT_RUNNABLE') return row(NOTHING, 'not runnable here', error.message)
      if (['ERR_CELL_FAILED', 'ERR_UNDECIDED'].includes(error.code)) return row(NOTHING, 'inconclusive', error.message)
      if (error.code === 'ERR_NOT_MEASURED' && size === 'toy') return row(NOTHING, 'inconclusive', TOY)
      // A mistake of ours in one claim must not cost the judgement of a run that took an hour.
      return { ...row(NOTHING, 'inconclusive', `cannot be judged: ${error.message}`), mistake: true }
    }
  })
}

/** By how much more than 1. @param {number} factor */
export const percent = factor => `${(100 * (factor - 1)).toPrecision(2)} %`
