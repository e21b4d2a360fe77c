// Estimates with their 95 % intervals, and values that lie apart from the others.
import jstat from 'jstat'
import { mean, median, medianAbsoluteDeviation, sampleStandardDeviation } from 'simple-statistics'

/** A verdict needs so many passes: fewer do not tell how far another pass would lie from them. */
export const LEAST_PASSES = 4
const CONFIDENCE = 0.95

/**
 * An estimate, its interval, and the number of passes that both rest on. One pass has no interval.
 * @typedef {{ value: number, low: number | null, high: number | null, passes: number }} Interval
 */

/**
 * The mean of passes with the interval of Student's t. A pass counts once, by the median of its rounds, because the start of
 * its processes decides for all its rounds (the malloc arena of each thread). Positive values are averaged as logarithms:
 * times and ratios differ by factors. Where a value is 0 or less, all are averaged as they are.
 * @param {(number[] | undefined)[]} passes the rounds of each pass; a pass without any is left out
 * @returns {Interval}
 */
export function estimate(passes) {
  const values = passes.flatMap(rounds => (rounds && rounds.length > 0 ? [median(rounds)] : []))
  if (values.length === 0) throw Object.assign(new Error('nothing was measured'), { code: 'ERR_NOT_MEASURED' })
  if (!values.every(Number.isFinite)) {
    throw Object.assign(new Error('no ratio: what it is divided by was 0 in a pass'), { code: 'ERR_UNDECIDED' })
  }
  const [to, from] = values.every(value => value > 0) ? [Math.log, Math.exp] : [plain, plain]
  const transformed = values.map(to)
  const middle = mean(transformed)
  const count = values.length
  if (count === 1) return { value: values[0], low: null, high: null, passes: 1 }
  const error = sampleStandardDeviation(transformed) / Math.sqrt(count)
  const half = jstat.studentt.inv((1 + CONFIDENCE) / 2, count - 1) * error
  return { value: from(middle), low: from(middle - half), high: from(middle + half), passes: count }
}

/**
 * The least or the greatest of several quantities, each with its interval: it lies between the extremes of their ends.
 * @param {Interval[]} intervals
 * @param {(...values: number[]) => number} pick Math.min or Math.max
 * @returns {Interval}
 */
export function extremeOf(intervals, pick) {
  const of = name => intervals.map(interval => interval[name])
  const end = name => (of(name).includes(null) ? null : pick(...of(name)))
  return { value: pick(...of('value')), low: end('low'), high: end('high'), passes: Math.min(...of('passes')) }
}

const plain = value => value

/**
 * How far each value lies from the median, in units of the usual distance: the modified z-score of Iglewicz and Hoaglin, in
 * which one wild value cannot hide itself by widening the measure.
 * @param {number[]} values
 */
export function modifiedZScores(values) {
  const middle = median(values)
  const deviation = medianAbsoluteDeviation(values)
  return values.map(value => (deviation === 0 ? 0 : (0.6745 * (value - middle)) / deviation))
}

/** @param {number} score */
export const isOutlier = score => Math.abs(score) > 3.5
