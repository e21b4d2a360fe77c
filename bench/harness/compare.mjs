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

/**
 * @typedef {import('./trials.mjs').Sample} TrialSample
 * @typedef {TrialSample[][]} Passes samples by pass and round
 */

/** What is computed of each two samples of the same pass and round. @param {Passes} samples @param {Passes} base @param {(sample: TrialSample, base: TrialSample) => number} of */
export function pairwise(samples, base, of) {
  return bootstrap(samples.map((rounds, pass) => rounds.map((sample, round) => of(sample, base[pass][round]))))
}

/** One way against that of several others whose median is the highest. @param {Passes} samples @param {Passes[]} others @param {(sample: TrialSample) => number} of */
export function againstBest(samples, others, of) {
  const rows = samples.map((rounds, pass) =>
    rounds.map((sample, round) => ({ own: of(sample), others: others.map(other => of(other[pass][round])) })),
  )
  return bootstrap(rows, sample => {
    const best = Math.max(...others.map((_, index) => median(sample.map(row => row.others[index]))))
    return median(sample.map(row => row.own)) / best
  })
}

/** The highest of the medians of several ways. @param {Passes[]} ways @param {(sample: TrialSample, pass: number, round: number) => number} of */
export function worst(ways, of) {
  const rows = ways[0].map((rounds, pass) =>
    rounds.map((_, round) => ways.map(samples => of(samples[pass][round], pass, round))),
  )
  return bootstrap(rows, sample => Math.max(...ways.map((_, index) => median(sample.map(row => row[index])))))
}
