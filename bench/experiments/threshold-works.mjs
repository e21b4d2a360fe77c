// What the three experiments with malloc's mmap threshold have in common: native threads in the allocation loop, under a
// malloc that was told something or nothing.
import { availableParallelism } from 'node:os'
import { median } from 'simple-statistics'
import { cannot } from '../../__test__/helpers/fault-rig.mjs'
import { buildLoop, runLoop } from '../harness/allocation-loop.mjs'
import { formatSize, GiB, KiB, MiB } from '../harness/cells.mjs'
import { traceTime } from '../harness/observe.mjs'
import { each, pairwise } from '../harness/ratios.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { brief } from '../report/format.mjs'
import { trialTable, trialWarnings } from '../report/trials.mjs'

/** Largest buffers of so many bytes. */
const SIZES = {
  toy: { bytes: [256 * KiB], windows: { passes: 1, rounds: 1, milliseconds: 5, warmup: 5 } },
  quick: { bytes: [MiB], windows: { passes: 4, rounds: 1, milliseconds: 100, warmup: 100 } },
  full: { bytes: [256 * KiB, MiB, 8 * MiB], windows: { passes: 6, rounds: 1, milliseconds: 300, warmup: 200 } },
}
/** Where glibc's threshold begins, and where it stood before it was dynamic. */
const FIXED = 128 * KiB
/** Lengths are drawn from half of the largest to all of it. */
const MEAN = 0.75
const PAGE = 4 * KiB

/** What malloc is told, by the size of the largest buffer. */
const TOLD = {
  fixed: { label: 'threshold fixed at 128 KiB', tuning: () => ({ threshold: FIXED }) },
  raised: { label: 'threshold raised to the largest buffer', tuning: bytes => ({ threshold: bytes + PAGE }) },
  dynamic: { label: 'without settings: the threshold is dynamic', tuning: () => ({}) },
  padded: { label: 'top pad of 128 KiB, and nothing else', tuning: () => ({ pad: 128 * KiB }) },
  tuple: {
    label: 'threshold 32 MiB, trim 1 GiB, top pad 16 MiB',
    tuning: () => ({ threshold: 32 * MiB, trim: GiB, pad: 16 * MiB }),
  },
}

/** Of what the claims are. */
export const AT = { bytes: MiB, threads: 8 }
const id = ({ bytes, threads }) => `${bytes}/${threads}`

/**
 * All of an experiment but its words and its claims.
 * @param {(keyof typeof TOLD)[]} ways
 * @param {number[]} threads
 */
export function thresholdExperiment(ways, threads) {
  return {
    obstacle: () => undefined,
    variants: () => [],
    time: size => trialsTime(works(size, ways, threads)),
    async measure(context) {
      context.progress.begin('building the allocation loop')
      let path
      let missing
      try {
        path = await buildLoop(context.signal)
      } catch (error) {
        if (error.code !== 'ERR_NOT_RUNNABLE') throw error
        missing = error.message
      }
      const trials = new Trials(works(context.size, ways, threads, { path, missing }))
      await measureTrials(trials, context)
      return trials
    },
    report: trials => [trialTable(trials), ...trialWarnings(trials)].join('\n'),
  }
}

/** @returns {import('../harness/trials.mjs').Work[]} */
function works(size, ways, threads, { path, missing } = {}) {
  const { bytes, windows } = SIZES[size]
  const traced = cannot('root', 'tracefs', 'bpftrace') === undefined
  return bytes.flatMap(largest =>
    threads.map(count => ({
      id: id({ bytes: largest, threads: count }),
      title: `buffers of up to ${formatSize(largest)}, threads: ${count}`,
      unit: 'allocations/s',
      value: ({ rate }) => rate,
      also: describe,
      base: ways[0],
      ways: ways.map(name => ({
        id: name,
        label: TOLD[name].label,
        ...windows,
        start: traced ? traceTime(windows) : 0,
        missing,
        run: () => {
          const tuning = TOLD[name].tuning(largest)
          return runLoop(path, { threads: count, bytes: largest, tuning }, { ...windows, locks: traced })
        },
      })),
    })),
  )
}

function describe(samples) {
  const middle = of => brief(median(samples.map(of)))
  const faults = `${middle(sample => sample.faults)} faults`
  if (!samples.every(({ locks }) => locks)) return `${faults} each`
  const waiting = `${middle(({ locks }) => 100 * locks.waiting)} % of their time waiting`
  return `${faults} and ${middle(({ locks }) => locks.writes)} lock writes each, ${waiting}`
}

/** @typedef {import('../harness/trials.mjs').Trials} Measured */

/** How many times as often one way allocates as another. @param {Measured} trials */
export const timesAsOften = (trials, way, base) =>
  pairwise(trials.samples(id(AT), way), trials.samples(id(AT), base), (a, b) => a.rate / b.rate)

/** How often one way takes the lock for writing per allocation, in terms of another. @param {Measured} trials */
export const lockWritesAgainst = (trials, way, base) =>
  pairwise(locked(trials, way), locked(trials, base), (a, b) => a.locks.writes / b.locks.writes)

/** How often one way takes the lock for writing per allocation. @param {Measured} trials */
export const lockWrites = (trials, way) => each(locked(trials, way), ({ locks }) => locks.writes)

/** What share of their time threads wait for the lock. @param {Measured} trials */
export const waiting = (trials, way) => each(locked(trials, way), ({ locks }) => locks.waiting)

/** What share of the cores that threads could use their throughput shows, held against that of one thread. @param {Measured} trials */
export const parallel = (trials, way) =>
  pairwise(
    trials.samples(id(AT), way),
    trials.samples(id({ ...AT, threads: 1 }), way),
    (many, one) => many.rate / (one.rate * Math.min(AT.threads, availableParallelism())),
  )

/** How many of its pages a buffer is given anew, and so cleared. @param {Measured} trials */
export const clearedPages = (trials, way) =>
  each(trials.samples(id(AT), way), ({ faults }) => (faults * PAGE) / (MEAN * AT.bytes))

/** @param {Measured} trials */
function locked(trials, way) {
  const samples = trials.samples(id(AT), way)
  if (samples.flat().every(({ locks }) => locks)) return samples
  throw Object.assign(new Error(cannot('root', 'tracefs', 'bpftrace')), { code: 'ERR_NOT_RUNNABLE' })
}
