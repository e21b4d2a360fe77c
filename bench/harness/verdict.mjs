// How a claim is decided: a rule is a line drawn before the run, and an interval lies on one side of it or straddles it.
import { LEAST_PASSES } from './statistics.mjs'

/**
 * `not reproduced here`: the claim fails on a machine that lacks what its source had, which the reason names. `contradicted`:
 * it fails on a machine that has all of it.
 * @typedef {'reproduced' | 'not reproduced here' | 'contradicted' | 'undecided' | 'not runnable here'} Verdict
 * @typedef {import('./statistics.mjs').Interval} Interval
 * @typedef {{
 *   experiment: string, claim: { id: string, text: string, figure: string }, source: { title: string, author: string },
 *   measured: { value: number | null, low: number | null, high: number | null, passes?: number, unit: string },
 *   verdict: Verdict, reason: string, mistake?: boolean
 * }} Row of a summary
 * @typedef {{ text: string, decide: (interval: { low: number, high: number }) => 'holds' | 'fails' | 'open' }} Rule
 */

/** @type {Verdict[]} */
export const VERDICTS = ['reproduced', 'not reproduced here', 'contradicted', 'undecided', 'not runnable here']

/** @param {string} side @param {Rule['decide']} decide @returns {Rule} */
const rule = (side, decide) => ({ text: `holds when the whole interval ${side}, fails when none of it does`, decide })
const decided = (holds, fails) => (holds ? 'holds' : fails ? 'fails' : 'open')

/** @param {number} line */
export const below = line => rule(`lies below ${line}`, ({ low, high }) => decided(high < line, low >= line))

/** @param {number} line */
export const above = line => rule(`lies above ${line}`, ({ low, high }) => decided(low > line, high <= line))

/** @param {number} line */
export const atLeast = line => rule(`reaches ${line}`, ({ low, high }) => decided(low >= line, high < line))

/** @param {number} line */
export const atMost = line => rule(`does not exceed ${line}`, ({ low, high }) => decided(high <= line, low > line))

/** @param {number} from @param {number} to */
export const within = (from, to) =>
  rule(`lies in ${from} to ${to}`, ({ low, high }) => decided(low >= from && high <= to, high < from || low > to))

/** Before what a machine lacks, in the reason of a verdict. */
export const NEEDS = 'it needs '

const TOY = 'toy size: only the answers are checked'
const NOTHING = { value: null, low: null, high: null, passes: 0 }

/** The row of a claim in a summary. @returns {Row} */
export function rowOf(experiment, { id, source, text, figure, unit }, { value, low, high, passes }, verdict, reason) {
  return {
    experiment: experiment.id,
    claim: { id, text, figure },
    source: { title: source.title, author: source.author },
    measured: { value, low, high, passes, unit },
    verdict,
    reason,
  }
}

/**
 * The summary of one experiment, a row for each claim.
 * @param {import('../experiments/index.mjs').Experiment} experiment
 * @param {{
 *   results: import('./measured.mjs').Results, size: import('./cells.mjs').RunSize, environment?: import('../experiments/index.mjs').Environment, obstacle?: string,
 *   found?: import('../experiments/index.mjs').Found
 * }} outcome `found` is what the experiment measured itself
 * @returns {Row[]}
 */
export function judge(experiment, { results, size, environment, obstacle, found }) {
  return experiment.claims.map(claim => {
    const { rule, measure } = claim
    const row = (interval, verdict, reason) => rowOf(experiment, claim, interval, verdict, reason)
    if (obstacle) return row(NOTHING, 'not runnable here', obstacle)
    const failed = size === 'toy' && experiment.variants(size).find(cell => results.failure(cell))
    if (failed) return row(NOTHING, 'undecided', results.failure(failed))
    try {
      const interval = measure(results, found, environment)
      if (size === 'toy') return row(NOTHING, 'undecided', TOY)
      return row(interval, ...decide(rule, interval, lacking(claim, environment)))
    } catch (error) {
      if (error.code === 'ERR_NOT_RUNNABLE') return row(NOTHING, 'not runnable here', error.message)
      if (['ERR_CELL_FAILED', 'ERR_UNDECIDED'].includes(error.code)) return row(NOTHING, 'undecided', error.message)
      if (error.code === 'ERR_NOT_MEASURED' && size === 'toy') return row(NOTHING, 'undecided', TOY)
      // A mistake of ours in one claim must not cost the judgement of a run that took an hour.
      return { ...row(NOTHING, 'undecided', `cannot be judged: ${error.message}`), mistake: true }
    }
  })
}

/**
 * What the claim rests on and this machine lacks. A source's claims rest on its machine, where the claim says nothing else.
 * @param {import('../experiments/index.mjs').Claim} claim
 * @param {import('../experiments/index.mjs').Environment} [environment]
 */
const lacking = ({ needs, source }, environment) => environment && (needs ?? source.needs)?.(environment)

/** @param {Rule} rule @param {Interval} interval @param {string} [lacking] @returns {[Verdict, string]} */
export function decide(rule, interval, lacking) {
  const { low, high, passes } = interval
  // A figure that is read and not measured has no passes.
  if (passes !== undefined && passes < LEAST_PASSES)
    return ['undecided', `${passes} of the ${LEAST_PASSES} passes that a verdict needs`]
  const outcome = rule.decide({ low, high })
  if (outcome === 'holds') return ['reproduced', rule.text]
  if (outcome === 'open') return ['undecided', rule.text]
  return lacking ? ['not reproduced here', `${NEEDS}${lacking}`] : ['contradicted', rule.text]
}
