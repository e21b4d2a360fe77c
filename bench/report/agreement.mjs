// How far runs of the same agree: in their verdicts, in their figures, and how far chance alone lets them.
import { combinations, mean, probit, sum } from 'simple-statistics'
import { experiments } from '../experiments/index.mjs'

/** @typedef {{ names: string[], rows: ReturnType<typeof import('../harness/results.mjs').readSummary>[] }} Runs */

const rules = new Map(experiments.flatMap(({ claims }) => claims.map(({ id, rule }) => [id, rule])))

/** Of the claims that all runs have, in lines of text. @param {Runs} runs */
export function agreementOf({ names, rows: runs }) {
  const common = claimsOf(runs)
    .map(id => ({ id, rows: runs.map(rows => rowOf(rows, id)) }))
    .filter(({ rows }) => rows.every(Boolean))
  return [...verdicts(names, common), coverage(common), ...expectations(common)].join('\n')
}

export const claimsOf = runs => [...new Set(runs.flatMap(rows => rows.map(({ claim }) => claim.id)))]

export const rowOf = (rows, id) => rows.find(({ claim }) => claim.id === id)

/** Of the claims that all have judged. A claim near its line is now decided, now not; a contradiction is worse. */
function verdicts(names, common) {
  const all = names.map((_, index) => index)
  const has = ({ rows }, verdict) => rows.some(row => row.verdict === verdict)
  const agree = (claim, some) => new Set(some.map(index => claim.rows[index].verdict)).size === 1
  const same = some => shareOf(common.filter(claim => agree(claim, some)).length, common.length)
  const other = common.filter(claim => !agree(claim, all))
  const failing = ['not reproduced here', 'contradicted']
  const contrary = other.filter(claim => has(claim, 'reproduced') && failing.some(verdict => has(claim, verdict)))
  const told = claims => [claims.length, ...claims.map(({ id }) => id)].join(' ')
  return [
    `the same verdict for ${same(all)}`,
    ...(all.length > 2 ? combinations(all, 2) : []).map(
      pair => `  ${names[pair[0]]} and ${names[pair[1]]}: ${same(pair)}`,
    ),
    `decided in one and not in another: ${told(other.filter(claim => !contrary.includes(claim)))}`,
    `reproduced in one and not in another: ${told(contrary)}`,
  ]
}

/**
 * Whether intervals are as wide as they ought to be: where two runs measure the same thing, the estimate of one lies in the
 * 95 % interval of the other 83 times of 100 (the difference of two estimates errs by the root of two more than one does).
 */
function coverage(common) {
  const inside = ({ value }, { low, high }) => low <= value && value <= high
  const estimates = common.flatMap(({ rows }) =>
    combinations(rows.map(({ measured }) => measured).filter(isSpread), 2).flatMap(([one, two]) => [
      inside(one, two),
      inside(two, one),
    ]),
  )
  const share = estimates.length === 0 ? '-' : Math.round((100 * estimates.filter(Boolean).length) / estimates.length)
  return `the estimate of one in the interval of another: ${share} % of ${estimates.length} (83 % where nothing differs)`
}

const isSpread = ({ low, high }) => low !== null && low < high

/** How many times longer a run would take whose intervals are half as wide, a fourth and an eighth: it goes with the square. */
const LONGER = [1, 4, 16, 64]

/** On how many claims as many runs would agree where nothing differs but by chance, as far as their intervals tell. */
function expectations(common) {
  const expected = longer => Math.round(sum(common.map(({ id, rows }) => chanceToAgree(rules.get(id), rows, longer))))
  return LONGER.map(longer => {
    const runs = longer === 1 ? 'runs like these' : `runs ${longer} times as long`
    return `to be expected by chance of ${runs}: ${shareOf(expected(longer), common.length)}`
  })
}

/** Half the width of a 95 % interval, in standard deviations. */
const HALF_WIDTH = 1.96

/** Where the estimates of runs may come out, in standard deviations from their middle, each as likely as the others. */
const OUTCOMES = Array.from({ length: 400 }, (_, nth) => probit((nth + 0.5) / 400))

function chanceToAgree(rule, rows, longer) {
  const measured = rows.map(row => row.measured)
  if (!rule || !measured.every(isSpread)) return new Set(rows.map(({ verdict }) => verdict)).size === 1 ? 1 : 0
  // Ratios err by a factor; what can be 0 or less, by a difference.
  const [to, from] = measured.every(({ low }) => low > 0) ? [Math.log, Math.exp] : [plain, plain]
  const middle = mean(measured.map(({ value }) => to(value)))
  const half = mean(measured.map(({ low, high }) => (to(high) - to(low)) / 2)) / Math.sqrt(longer)
  const decided = OUTCOMES.map(deviations => {
    const value = middle + (deviations * half) / HALF_WIDTH
    return rule.decide({ value: from(value), low: from(value - half), high: from(value + half) })
  })
  const shares = [...new Set(decided)].map(one => decided.filter(verdict => verdict === one).length / OUTCOMES.length)
  return sum(shares.map(share => share ** rows.length))
}

const plain = value => value

const shareOf = (some, all) => `${some} of ${all} claims (${all === 0 ? '-' : Math.floor((100 * some) / all)} %)`
