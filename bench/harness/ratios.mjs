// What is read out of samples: each function answers with an estimate and its interval, computed within passes.
import { median } from 'simple-statistics'
import { modes } from './cells.mjs'
import { estimate, extremeOf } from './statistics.mjs'

/**
 * @typedef {import('./run.mjs').Measured} Measured
 * @typedef {import('./run.mjs').Phase} Phase
 * @typedef {import('./run.mjs').Pair} Pair
 * @typedef {import('./run.mjs').TracedPair} TracedPair
 * @typedef {import('./cells.mjs').Mode} Mode
 * @typedef {import('./statistics.mjs').Interval} Interval
 * @typedef {import('./trials.mjs').Sample} TrialSample
 * @typedef {TrialSample[][]} Passes samples by pass and round
 */

/** @param {Pair} pair */
export const pairRatio = ({ workers, processes }) => workers.throughput / processes.throughput

/**
 * The passes of a cell in which all of these modes were measured, each at its own index.
 * @param {Measured} cell
 * @param {Phase} phase
 * @param {readonly Mode[]} [wanted]
 * @returns {(Pair[] | undefined)[]}
 */
export function passesOf(cell, phase, wanted = modes) {
  cell.asked?.(phase, wanted)
  return Array.from(cell[phase], rounds =>
    rounds?.every(pair => wanted.every(mode => pair[mode])) ? rounds : undefined,
  )
}

/** All pairs in which these modes were measured. @param {Measured} cell @param {Phase} phase @param {readonly Mode[]} [wanted] */
export const pairsOf = (cell, phase, wanted) => passesOf(cell, phase, wanted).flatMap(rounds => rounds ?? [])

/** Computed of the samples of several in the same pass and round, as far as all of them have it. */
function together(all, of) {
  const passes = Math.min(...all.map(({ length }) => length))
  return Array.from({ length: passes }, (_, pass) => {
    const rounds = Math.min(...all.map(one => one[pass]?.length ?? 0))
    return Array.from({ length: rounds }, (_, round) => of(...all.map(one => one[pass][round])))
  })
}

/** @param {Measured} cell @param {Phase} phase @param {Mode} mode */
export const throughput = (cell, phase, mode) =>
  estimate(together([passesOf(cell, phase, [mode])], pair => pair[mode].throughput))

/** Workers' throughput over processes'. @param {Measured} cell @param {Phase} phase */
export const ratio = (cell, phase) => estimate(together([passesOf(cell, phase)], pairRatio))

/**
 * The throughput of one reader over that of another, both in the same mode, pass and round.
 * @param {Measured} cell
 * @param {Measured} base
 * @param {Phase} phase
 * @param {Mode} mode
 */
export const speedup = (cell, base, phase, mode) =>
  estimate(
    together(
      [cell, base].map(one => passesOf(one, phase, [mode])),
      (own, other) => own[mode].throughput / other[mode].throughput,
    ),
  )

/** Workers' throughput in one cell over processes' in another. @param {Measured} cell @param {Measured} base @param {Phase} phase */
export const workersOverProcesses = (cell, base, phase) =>
  estimate(
    together(
      [passesOf(cell, phase, ['workers']), passesOf(base, phase, ['processes'])],
      (own, other) => own.workers.throughput / other.processes.throughput,
    ),
  )

/**
 * How much more is resident at the end of one cell than of another.
 * @param {Measured} cell
 * @param {Measured} base
 * @param {Phase} phase
 * @param {Mode} mode
 * @param {number} unit in bytes
 */
export const moreResident = (cell, base, phase, mode, unit) =>
  estimate(
    together(
      [cell, base].map(one => passesOf(one, phase, [mode])),
      (own, other) => (own[mode].resident - other[mode].resident) / unit,
    ),
  )

/** What is resident of the whole cell at its end. @param {Measured} cell @param {Phase} phase @param {Mode} mode */
export const resident = (cell, phase, mode) => median(pairsOf(cell, phase, [mode]).map(pair => pair[mode].resident))

/** The ratio of one cell over that of another. @param {Measured} cell @param {Measured} base @param {Phase} phase */
export const ratioChange = (cell, base, phase) =>
  estimate(
    together(
      [cell, base].map(one => passesOf(one, phase)),
      (own, other) => pairRatio(own) / pairRatio(other),
    ),
  )

/**
 * The ratio of one cell over the lowest ratio among others: below 1 when its gap is the widest of all.
 * @param {Measured} cell
 * @param {Measured[]} others
 * @param {Phase} phase
 */
export const ratioAgainstLowest = (cell, others, phase) =>
  extremeOf(
    others.map(other => ratioChange(cell, other, phase)),
    Math.max,
  )

/**
 * The throughput of one cell over that of the fastest of others.
 * @param {Measured} cell
 * @param {Measured[]} others
 * @param {Phase} phase
 * @param {Mode} mode
 */
export const speedupOverBest = (cell, others, phase, mode) =>
  leastSpeedup(
    others.map(other => [cell, other]),
    phase,
    mode,
  )

/**
 * The least speedup of several cells, each over a base of its own.
 * @param {[cell: Measured, base: Measured][]} pairs
 * @param {Phase} phase
 * @param {Mode} mode
 */
export const leastSpeedup = (pairs, phase, mode) =>
  extremeOf(
    pairs.map(([cell, base]) => speedup(cell, base, phase, mode)),
    Math.min,
  )

/** Of the locks that were counted in the first reads of workers or processes. @param {Measured} cell @param {Mode} mode @param {(sample: TracedPair[Mode]) => number} of */
export const locksOf = (cell, mode, of) => estimate(together([cell.traced], pair => of(pair[mode])))

/** Workers' over processes'. @param {Measured} cell @param {(sample: TracedPair[Mode]) => number} of */
export const lockRatio = (cell, of) =>
  estimate(together([cell.traced], ({ workers, processes }) => of(workers) / of(processes)))

/** Those of one cell over those of another. @param {Measured} cell @param {Measured} base @param {Mode} mode @param {(sample: TracedPair[Mode]) => number} of */
export const lockSpeedup = (cell, base, mode, of) =>
  estimate(together([cell.traced, base.traced], (own, other) => of(own[mode]) / of(other[mode])))

/** What can be read of the locks of a sample. */
export const locks = {
  /** How often the lock was taken for writing, for each 1,000 reads of the file. @param {TracedPair[Mode]} sample */
  writesPerThousand: sample => (1000 * sample.locks.writes.count) / readsOf(sample),
  /** Nanoseconds of waiting for each time that it was taken for writing; 0 where it never was. @param {TracedPair[Mode]} sample */
  writeWait: ({ locks }) => (locks.writes.count === 0 ? 0 : locks.writes.waited.mean),
  /** Nanoseconds of waiting for it for writing, for each read of the file. @param {TracedPair[Mode]} sample */
  writeWaitPerRead: sample => sample.locks.writes.waited.total / readsOf(sample),
  /** Nanoseconds of waiting for the lock, for writing and for reading, for each read of the file. @param {TracedPair[Mode]} sample */
  waitPerRead: sample => (sample.locks.writes.waited.total + sample.locks.reads.waited.total) / readsOf(sample),
}

/** @param {TracedPair[Mode]} sample */
const readsOf = ({ members }) => members.reduce((sum, { operations }) => sum + operations, 0)

/**
 * What is computed of each two samples of the same pass and round.
 * @param {Passes} samples
 * @param {Passes} base
 * @param {(sample: TrialSample, base: TrialSample) => number} of
 */
export const pairwise = (samples, base, of) => estimate(together([samples, base], of))

/** What is computed of each sample. @param {Passes} samples @param {(sample: TrialSample) => number} of */
export const each = (samples, of) => estimate(together([samples], of))

/** One method against that of several others whose value is the highest. @param {Passes} samples @param {Passes[]} others @param {(sample: TrialSample) => number} of */
export const againstBest = (samples, others, of) =>
  extremeOf(
    others.map(other => pairwise(samples, other, (a, b) => of(a) / of(b))),
    Math.min,
  )

/** The highest of several methods. @param {Passes[]} methods @param {(sample: TrialSample, pass: number, round: number) => number} of */
export const worst = (methods, of) =>
  extremeOf(
    methods.map(samples =>
      estimate(samples.map((rounds, pass) => rounds.map((sample, round) => of(sample, pass, round)))),
    ),
    Math.max,
  )

/** By how many milliseconds more than in an idle process timers are late: the worst of several methods of a workload. @param {string} work @param {'p50' | 'p99' | 'max'} of @param {string[]} methods */
export const laterThanIdle = (work, of, methods) => ({
  unit: 'ms later than in an idle process',
  /** @param {unknown} _ @param {import('./trials.mjs').Trials} trials */
  measure(_, trials) {
    const idle = trials.samples(work, 'idle')
    return extremeOf(
      methods.map(method =>
        pairwise(trials.samples(work, method), idle, (sample, base) => sample.delay[of] - base.delay[of]),
      ),
      Math.max,
    )
  },
})
