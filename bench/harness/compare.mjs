// What is read out of measured cells: each answers with a value and its interval, computed pair by pair.
import { median } from 'simple-statistics'
import { bootstrap } from './statistics.mjs'

/**
 * @typedef {import('./run.mjs').Measured} Measured
 * @typedef {import('./run.mjs').Phase} Phase
 * @typedef {import('./cells.mjs').Mode} Mode
 * @typedef {{ value: number, low: number, high: number }} Interval
 */

/** @param {import('./run.mjs').Pair} pair */
const pairRatio = ({ workers, processes }) => workers.throughput / processes.throughput

/** @param {Measured} cell @param {Phase} phase @param {Mode} mode */
export function throughput(cell, phase, mode) {
  return bootstrap(cell[phase].map(rounds => rounds.map(pair => pair[mode].throughput)))
}

/** Workers' throughput over processes'. @param {Measured} cell @param {Phase} phase */
export function ratio(cell, phase) {
  return bootstrap(cell[phase].map(rounds => rounds.map(pairRatio)))
}

/**
 * The throughput of one reader over that of another, both in the same mode, pass and round.
 * @param {Measured} cell
 * @param {Measured} base
 * @param {Phase} phase
 * @param {Mode} mode
 */
export function speedup(cell, base, phase, mode) {
  return bootstrap(
    cell[phase].map((rounds, pass) =>
      rounds.map((pair, round) => pair[mode].throughput / base[phase][pass][round][mode].throughput),
    ),
  )
}

/**
 * The ratio of one cell over the lowest ratio among others: below 1 when its gap is the widest of all.
 * @param {Measured} cell
 * @param {Measured[]} others
 * @param {Phase} phase
 */
export function ratioAgainstLowest(cell, others, phase) {
  const rows = cell[phase].map((rounds, pass) =>
    rounds.map((pair, round) => ({
      own: pairRatio(pair),
      others: others.map(other => pairRatio(other[phase][pass][round])),
    })),
  )
  return bootstrap(rows, sample => {
    const lowest = Math.min(...others.map((_, index) => median(sample.map(row => row.others[index]))))
    return median(sample.map(row => row.own)) / lowest
  })
}
