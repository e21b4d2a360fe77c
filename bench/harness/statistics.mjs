// Medians with their intervals, and which values lie apart from the others.
import { median, medianAbsoluteDeviation, quantile, sampleWithReplacement } from 'simple-statistics'

const RESAMPLES = 2000

/**
 * Always the same numbers for the same seed (mulberry32), so that a summary can be computed again from its samples.
 * @param {number} seed
 */
export function seededRandom(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * A statistic and its 95 % bootstrap interval. Passes are resampled first, then the rounds within each: what a start
 * decides for all its rounds (the malloc arenas its threads were given) is one observation, however often it is repeated.
 * @template T
 * @param {T[][]} passes
 * @param {(rows: T[]) => number} [statistic]
 */
export function bootstrap(passes, statistic = median) {
  const random = seededRandom(1)
  const estimates = Array.from({ length: RESAMPLES }, () =>
    statistic(
      sampleWithReplacement(passes, passes.length, random).flatMap(rounds =>
        sampleWithReplacement(rounds, rounds.length, random),
      ),
    ),
  )
  return { value: statistic(passes.flat()), low: quantile(estimates, 0.025), high: quantile(estimates, 0.975) }
}

/**
 * How far each value lies from the median, in units of what is usual among them: the modified z-score of Iglewicz and
 * Hoaglin, in which one wild value cannot hide itself by widening the measure.
 * @param {number[]} values
 */
export function modifiedZScores(values) {
  const middle = median(values)
  const deviation = medianAbsoluteDeviation(values)
  return values.map(value => (deviation === 0 ? 0 : (0.6745 * (value - middle)) / deviation))
}

/** @param {number} score */
export const isOutlier = score => Math.abs(score) > 3.5
