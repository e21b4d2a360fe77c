// What the sweep of tunings measures: first all of a grid, roughly; then the cheapest of the good ones, with care.
import { median } from 'simple-statistics'
import { cannot } from '../../__test__/helpers/fault-rig.mjs'
import { formatSize, GiB, KiB, MiB } from '../harness/cells.mjs'
import { observe, startTime, traceTime } from '../harness/observe.mjs'
import { estimate } from '../harness/statistics.mjs'
import { told } from '../harness/variants.mjs'

/** @typedef {{ mmapThreshold?: number, trimThreshold?: number, topPad?: number, arenaMax?: number }} Tuning */

const READS = [64 * KiB, MiB, 8 * MiB]

/**
 * Windows begin with the first read: arenas grow in them, which is when threads contend most.
 * `grid`: of each value those that are tried together, with as many arenas as glibc likes; `arenas`: numbers of them that
 * the finalists are tried with; `finalists`: how many of the grid reach the second stage.
 */
export const SIZES = {
  toy: {
    files: [128],
    k: 2,
    grid: { mmapThreshold: [32 * MiB], trimThreshold: [GiB], topPad: [MiB, 16 * MiB] },
    screen: { passes: 1, rounds: 1, milliseconds: 5, warmup: 0 },
    finalists: 1,
    arenas: [],
    final: { passes: 1, rounds: 1, milliseconds: 5, warmup: 0 },
  },
  quick: {
    files: READS,
    k: 4,
    grid: { mmapThreshold: [32 * MiB], trimThreshold: [16 * MiB, 64 * MiB], topPad: [16 * MiB, 64 * MiB] },
    screen: { passes: 1, rounds: 1, milliseconds: 100, warmup: 0 },
    finalists: 2,
    arenas: [],
    final: { passes: 4, rounds: 1, milliseconds: 120, warmup: 0 },
  },
  full: {
    files: READS,
    k: 4,
    grid: {
      mmapThreshold: [4 * MiB, 16 * MiB, 32 * MiB],
      trimThreshold: [16 * MiB, 64 * MiB, GiB],
      topPad: [4 * MiB, 16 * MiB, 32 * MiB, 64 * MiB],
    },
    screen: { passes: 1, rounds: 2, milliseconds: 150, warmup: 0 },
    finalists: 5,
    arenas: [4],
    final: { passes: 8, rounds: 1, milliseconds: 300, warmup: 0, traced: 1 },
  },
}

export const DEFAULT = 'default'
/** What `allocator.tune()` refuses, each measured beside the finalists. */
export const REFUSED = {
  pad: { topPad: 16 * MiB },
  threshold: { mmapThreshold: GiB, trimThreshold: 64 * MiB, topPad: 64 * MiB },
}
/** How much of the best gain is enough, and what the first, rough stage lets through. */
export const ENOUGH = 0.9
const ROUGHLY = 0.8

const NAMES = { mmapThreshold: 'threshold', trimThreshold: 'trim', topPad: 'pad', arenaMax: 'arenas' }

/** @param {Tuning} tuning */
export function nameOf(tuning) {
  const words = Object.entries(NAMES)
    .filter(([name]) => tuning[name] !== undefined)
    .map(([name, word]) => `${word} ${name === 'arenaMax' ? tuning[name] : formatSize(tuning[name])}`)
  return words.length === 0 ? DEFAULT : words.join(', ')
}

/** Every combination. @param {(typeof SIZES)['full']['grid']} grid @returns {Tuning[]} */
export const combine = ({ mmapThreshold, trimThreshold, topPad }) =>
  mmapThreshold.flatMap(threshold =>
    trimThreshold.flatMap(trim => topPad.map(pad => ({ mmapThreshold: threshold, trimThreshold: trim, topPad: pad }))),
  )

/**
 * A work for each size of file, in which each tuning is a way.
 * @param {Tuning[]} tunings
 * @param {{ files: number[], k: number }} of
 * @param {{ passes: number, rounds: number, milliseconds: number, warmup: number, traced?: number }} windows `traced`: in how many passes the lock is looked at
 * @returns {import('../harness/trials.mjs').Work[]}
 */
export function sweepWorks(tunings, { files, k }, { traced = 0, ...windows }) {
  const looked = cannot('root', 'tracefs', 'bpftrace') === undefined ? traced : 0
  return files.map(size => ({
    id: String(size),
    title: `workers in readFileSync, ${formatSize(size)}, k=${k}`,
    unit: 'reads/s',
    value: ({ rate }) => rate,
    ways: tunings.map(tuning => ({
      id: nameOf(tuning),
      label: nameOf(tuning),
      ...windows,
      start: startTime(k) + (looked / windows.passes) * traceTime(windows),
      run: pass =>
        observe(
          { reader: 'readFileSync', size, k, env: told(tuning) },
          {
            ...windows,
            locks: pass < looked,
          },
        ),
    })),
  }))
}

/** @typedef {import('../harness/trials.mjs').Trials} Trials */

/** How many times as fast one tuning is as another: the geometric mean over the sizes of file. @param {Trials} trials @param {Tuning} tuning @param {Tuning} [base] */
export function gain(trials, tuning, base = {}) {
  const logarithms = trials.works.map(({ id }) => {
    const against = trials.samples(id, nameOf(base))
    return trials
      .samples(id, nameOf(tuning))
      .map((rounds, pass) => rounds.map((sample, round) => Math.log(sample.rate / against[pass][round].rate)))
  })
  const means = logarithms[0].map((rounds, pass) =>
    rounds.map((_, round) => Math.exp(mean(logarithms.map(passes => passes[pass][round])))),
  )
  return estimate(means)
}

/** By how many bytes memory has grown in the end against the default, on average over the sizes of file. @param {Trials} trials @param {Tuning} tuning */
export const growth = (trials, tuning) =>
  mean(trials.works.map(({ id }) => resident(trials, id, tuning) - resident(trials, id, {})))

const resident = (trials, work, tuning) =>
  median(trials.samples(work, nameOf(tuning)).map(rounds => rounds.at(-1).resident))

/** Those that keep enough of the best gain, the cheapest in memory first. @param {Trials} trials @param {Tuning[]} tunings @param {number} [enough] */
export function cheapest(trials, tunings, enough = ROUGHLY) {
  const rows = tunings.map(tuning => ({
    tuning,
    gain: gain(trials, tuning).value,
    growth: growth(trials, tuning),
  }))
  const best = Math.max(...rows.map(row => row.gain))
  return rows
    .filter(row => row.gain >= enough * best)
    .sort((a, b) => a.growth - b.growth)
    .map(({ tuning }) => tuning)
}

/** The one that is fastest. @param {Trials} trials @param {Tuning[]} tunings */
export const fastest = (trials, tunings) =>
  tunings.reduce((best, tuning) => (gain(trials, tuning).value > gain(trials, best).value ? tuning : best))

const mean = values => values.reduce((sum, value) => sum + value) / values.length
