// What is read out of measured cells: each answers with a value and its interval, computed pair by pair.
import { median } from 'simple-statistics'
import { modes } from './cells.mjs'
import { bootstrap } from './statistics.mjs'

/**
 * An interval of times is as good as the machine is quiet: it bears the phase in which they were taken.
 * @typedef {import('./run.mjs').Measured} Measured
 * @typedef {import('./run.mjs').Phase} Phase
 * @typedef {import('./run.mjs').TracedPair} TracedPair
 * @typedef {import('./cells.mjs').Mode} Mode
 * @typedef {{ value: number, low: number, high: number, timed?: Phase }} Interval
 */

/** @param {import('./run.mjs').Pair} pair */
export const pairRatio = ({ workers, processes }) => workers.throughput / processes.throughput

/**
 * The passes of a cell in which all of these modes were measured.
 * @param {Measured} cell
 * @param {Phase} phase
 * @param {Mode[]} [wanted]
 */
export function passesOf(cell, phase, wanted = modes) {
  cell.asked?.(phase, wanted)
  return cell[phase].filter(rounds => rounds.every(pair => wanted.every(mode => pair[mode])))
}

/** @param {Measured} cell @param {Phase} phase @param {Mode} mode */
export function throughput(cell, phase, mode) {
  return timed(
    phase,
    passesOf(cell, phase, [mode]).map(rounds => rounds.map(pair => pair[mode].throughput)),
  )
}

/** Workers' throughput over processes'. @param {Measured} cell @param {Phase} phase */
export function ratio(cell, phase) {
  return timed(
    phase,
    passesOf(cell, phase).map(rounds => rounds.map(pairRatio)),
  )
}

/**
 * The throughput of one reader over that of another, both in the same mode, pass and round.
 * @param {Measured} cell
 * @param {Measured} base
 * @param {Phase} phase
 * @param {Mode} mode
 */
export function speedup(cell, base, phase, mode) {
  return timed(
    phase,
    together(inMode([cell, base], phase, mode)).map(rounds =>
      rounds.map(([own, other]) => own[mode].throughput / other[mode].throughput),
    ),
  )
}

/** Workers' throughput in one cell over processes' in another. @param {Measured} cell @param {Measured} base @param {Phase} phase */
export function workersOverProcesses(cell, base, phase) {
  return timed(
    phase,
    together([passesOf(cell, phase, ['workers']), passesOf(base, phase, ['processes'])]).map(rounds =>
      rounds.map(([own, other]) => own.workers.throughput / other.processes.throughput),
    ),
  )
}

/**
 * How much more is resident at the end of one cell than of another.
 * @param {Measured} cell
 * @param {Measured} base
 * @param {Phase} phase
 * @param {Mode} mode
 * @param {number} unit in bytes
 */
export function moreResident(cell, base, phase, mode, unit) {
  return bootstrap(
    together(inMode([cell, base], phase, mode)).map(rounds =>
      rounds.map(([own, other]) => (own[mode].resident - other[mode].resident) / unit),
    ),
  )
}

/** What is resident of all members at its end. @param {Measured} cell @param {Phase} phase @param {Mode} mode */
export const resident = (cell, phase, mode) =>
  median(
    passesOf(cell, phase, [mode])
      .flat()
      .map(pair => pair[mode].resident),
  )

/** The ratio of one cell over that of another. @param {Measured} cell @param {Measured} base @param {Phase} phase */
export function ratioChange(cell, base, phase) {
  return timed(
    phase,
    together([cell, base].map(one => passesOf(one, phase))).map(rounds =>
      rounds.map(([own, other]) => pairRatio(own) / pairRatio(other)),
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
  const passes = [cell, ...others].map(one => passesOf(one, phase))
  return againstExtreme(passes, phase, pairRatio, Math.min)
}

/**
 * The throughput of one cell over that of the fastest of others.
 * @param {Measured} cell
 * @param {Measured[]} others
 * @param {Phase} phase
 * @param {Mode} mode
 */
export function speedupOverBest(cell, others, phase, mode) {
  return againstExtreme(inMode([cell, ...others], phase, mode), phase, pair => pair[mode].throughput, Math.max)
}

/**
 * The least speedup of several cells, each over a base of its own.
 * @param {[cell: Measured, base: Measured][]} pairs
 * @param {Phase} phase
 * @param {Mode} mode
 */
export function leastSpeedup(pairs, phase, mode) {
  const rows = together(inMode(pairs.flat(), phase, mode))
  return timed(phase, rows, sample =>
    Math.min(
      ...pairs.map((_, index) =>
        median(sample.map(row => row[2 * index][mode].throughput / row[2 * index + 1][mode].throughput)),
      ),
    ),
  )
}

/** Of two medians, that of the first over the extreme one of the others. */
function againstExtreme(passes, phase, of, extreme) {
  const rows = together(passes).map(rounds => rounds.map(pairs => pairs.map(of)))
  return timed(phase, rows, sample => {
    const [own, ...others] = passes.map((_, index) => median(sample.map(row => row[index])))
    return own / extreme(...others)
  })
}

/** @param {Measured[]} cells @param {Phase} phase @param {Mode} mode */
const inMode = (cells, phase, mode) => cells.map(cell => passesOf(cell, phase, [mode]))

/**
 * What several have in the same pass and round, as far as all of them were measured.
 * @template T
 * @param {T[][][]} all
 */
function together(all) {
  const passes = Math.min(...all.map(({ length }) => length))
  return Array.from({ length: passes }, (_, pass) => all[0][pass].map((_, round) => all.map(one => one[pass][round])))
}

/** @template T @param {Phase} phase @param {T[][]} rows @param {(rows: T[]) => number} [statistic] @returns {Interval} */
const timed = (phase, rows, statistic) => ({ ...bootstrap(rows, statistic), timed: phase })

/** Of the locks that were counted in the first reads of workers or processes. @param {Measured} cell @param {Mode} mode @param {(sample: TracedPair[Mode]) => number} of */
export function locksOf(cell, mode, of) {
  return bootstrap(cell.traced.map(rounds => rounds.map(pair => of(pair[mode]))))
}

/** Workers' over processes'. @param {Measured} cell @param {(sample: TracedPair[Mode]) => number} of */
export function lockRatio(cell, of) {
  return bootstrap(cell.traced.map(rounds => rounds.map(({ workers, processes }) => of(workers) / of(processes))))
}

/** Those of one cell over those of another. @param {Measured} cell @param {Measured} base @param {Mode} mode @param {(sample: TracedPair[Mode]) => number} of */
export function lockSpeedup(cell, base, mode, of) {
  return bootstrap(
    together([cell.traced, base.traced]).map(rounds => rounds.map(([own, other]) => of(own[mode]) / of(other[mode]))),
  )
}

/** What can be told of locks. */
export const locks = {
  /** How often the lock was taken for writing, for each 1,000 reads of the file. @param {TracedPair[Mode]} sample */
  writesPerThousand: sample => (1000 * sample.locks.writes.count) / readsOf(sample),
  /** Nanoseconds of waiting for each time that it was taken for writing. @param {TracedPair[Mode]} sample */
  writeWait: ({ locks }) => locks.writes.waited.mean,
  /** Nanoseconds of waiting for it for writing, for each read of the file. @param {TracedPair[Mode]} sample */
  writeWaitPerRead: sample => sample.locks.writes.waited.total / readsOf(sample),
  /** Nanoseconds of waiting for the lock, for writing and for reading, for each read of the file. @param {TracedPair[Mode]} sample */
  waitPerRead: sample => (sample.locks.writes.waited.total + sample.locks.reads.waited.total) / readsOf(sample),
}

/** @param {TracedPair[Mode]} sample */
const readsOf = ({ members }) => members.reduce((sum, { operations }) => sum + operations, 0)

/** Nanoseconds that a member takes for one read, by the clock on the wall. @param {TracedPair[Mode]} sample */
const timePerRead = ({ throughput, members }) => (1e9 * members.length) / throughput

/**
 * The share of the gap by the clock on the wall that waits for the lock explain: how much longer workers wait in each read,
 * over how much longer they take for it, both in the run that was traced.
 * @param {Measured} cell
 */
export function waitShare(cell) {
  const gaps = cell.traced.map(rounds =>
    rounds.map(({ workers, processes }) => ({
      waits: locks.waitPerRead(workers) - locks.waitPerRead(processes),
      gap: timePerRead(workers) - timePerRead(processes),
    })),
  )
  const gap = bootstrap(gaps.map(rounds => rounds.map(({ gap }) => gap)))
  if (gap.low <= 0) {
    const most = (gap.high / 1000).toFixed(1)
    throw Object.assign(new Error(`no gap to be explained: workers take at most ${most} µs a read longer`), {
      code: 'ERR_UNDECIDED',
    })
  }
  return bootstrap(gaps, rows => median(rows.map(({ waits }) => waits)) / median(rows.map(({ gap }) => gap)))
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

/** By how many milliseconds more than in an idle process timers are late: the worst of several ways of a work. @param {string} work @param {'p50' | 'p99' | 'max'} of @param {string[]} ways */
export const laterThanIdle = (work, of, ways) => ({
  unit: 'ms later than in an idle process',
  /** @param {unknown} _ @param {import('./trials.mjs').Trials} trials */
  measure(_, trials) {
    const idle = trials.samples(work, 'idle')
    return worst(
      ways.map(way => trials.samples(work, way)),
      (sample, pass, round) => sample.delay[of] - idle[pass][round].delay[of],
    )
  },
})
