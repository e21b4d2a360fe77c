// Measures cells: workers and processes in turn, pass after pass, so that a drift of the machine hits all.
import { Group } from './barrier.mjs'
import { cellKey, identity, MiB, modes } from './cells.mjs'
import { Child, withChildren } from './child.mjs'
import { Demand, isOpen, WHOLE } from './demand.mjs'
import { dataFile } from './files.mjs'
import { withHugePages } from './huge-pages.mjs'
import { traceGroups } from './locks.mjs'
import { Results } from './measured.mjs'
import { neighbours } from './order.mjs'
import { cpuTimes, OtherLoad } from './other-load.mjs'
import { seededRandom } from './random.mjs'
import { addPass, emptyCell, hasRead, recordedCells, whyNotCounted } from './recorded.mjs'
import { LEAST_PASSES } from './statistics.mjs'

/**
 * Each pass starts both groups of each cell anew, since the start decides which malloc arena a thread gets, and finds
 * - first: what their first reads are like, while their heaps grow, for `first` milliseconds at most;
 * - steady: what reads are like later, in `rounds` windows of `window` milliseconds, after windows of `settle` milliseconds that
 *   are recorded and not counted, in which V8 compiles, and its collections begin to keep up with what is read.
 *
 * So many passes are `whole`: of every cell both modes, and their steady reads, too, if any claim rests on the cell. Those that
 * follow take of each cell what claims rest on: of one that only workers' first reads are asked of, nothing else. Up to `least` passes they do so for every claim; then,
 * as long as the `budget`, in milliseconds, is not spent, for those claims that more passes could still decide. What is known
 * to `narrow`, a share of its value to both sides, is known well enough. Locks are counted as `whole` says, and at least
 * `traces` times where a claim rests on them.
 */
const PROFILES = {
  toy: { whole: 1, least: 1, most: 1, budget: 0, narrow: 1, traces: 1, first: 20, settle: 0, rounds: 0, window: 0 },
  quick: {
    whole: 0,
    least: LEAST_PASSES,
    most: 12,
    budget: 75e3,
    narrow: 0.1,
    traces: LEAST_PASSES,
    first: 600,
    settle: 40,
    rounds: 1,
    window: 100,
  },
  full: {
    whole: 1,
    least: 6,
    most: 24,
    budget: 29 * 60e3,
    narrow: 0.05,
    traces: LEAST_PASSES,
    first: 600,
    settle: 120,
    rounds: 1,
    window: 250,
  },
}
const ATTEMPTS = 6
/** So many windows at most are given to members to settle in, and as long as each is so many times as fast as the one before. */
const SETTLING = 8
const FASTER = 1.1
const QUIET_WINDOWS = 2
/** About what attaching and detaching a trace takes, in milliseconds. */
const TRACING = 1000

/**
 * @typedef {import('./cells.mjs').Cell} Cell
 * @typedef {import('./cells.mjs').Mode} Mode
 * @typedef {'first' | 'steady'} Phase
 * @typedef {{ throughput: number, members: { operations: number, elapsed: number }[], resident: number, usage: Record<string, number> }} Sample `resident` bytes at its end
 * @typedef {Record<Mode, Sample>} Pair of a pass that took one mode alone, it has no other
 * @typedef {Record<Mode, Sample & import('./locks.mjs').LockSample>} TracedPair
 * @typedef {Cell & { key: string, name: string, error?: string, untraced?: string }
 *   & Record<Phase, Pair[][]> & { traced: TracedPair[][] }} Measured pairs by pass and round; `untraced` says why no locks were counted
 */

/**
 * About what all of it takes at least, in milliseconds.
 * @param {Wanted} wanted
 * @param {import('./cells.mjs').RunSize} size
 * @param {import('../experiments/index.mjs').Claim[]} claims
 */
export function cellsTime({ cells, traced }, size, claims) {
  const profile = PROFILES[size]
  const sum = (list, of) => [...uniqueCells(list).values()].reduce((total, cell) => total + of(cell), 0)
  const demand = new Demand(claims, [...uniqueCells(cells).values()])
  return (
    profile.whole * sum(cells, cell => cost(cell, profile, demand.wholeOf(cell))) +
    (profile.least - profile.whole) * sum(cells, cell => cost(cell, profile, demand.partsOf(cell))) +
    profile.whole * sum(traced, cell => traceCost(cell, profile)) +
    (profile.traces - profile.whole) * sum(traced, cell => (demand.partsOf(cell).traced ? traceCost(cell, profile) : 0))
  )
}

/**
 * @typedef {{ cells: Cell[], traced: Cell[] }} Wanted as often as experiments asked for them; whose locks are counted, too
 *
 * @param {Wanted} wanted
 * @param {{
 *   size: import('./cells.mjs').RunSize, budget?: number, signal: AbortSignal, record: (line: object) => void, recorded?: import('./recorded.mjs').Line[],
 *   progress: ReturnType<typeof import('../report/progress.mjs').makeProgress>, claims: import('../experiments/index.mjs').Claim[]
 * }} options `recorded` are the samples of the run that is resumed: they are not taken again
 */
export async function measure(wanted, { size, budget, signal, record, recorded = [], progress, claims }) {
  const profile = { ...PROFILES[size], ...(budget !== undefined && { budget }) }
  const load = new OtherLoad()
  // A toy run decides nothing: it checks answers, however busy the machine.
  const isToy = size === 'toy'
  const before = recordedCells(recorded)
  /** @type {Measured[]} */
  const cells = [...uniqueCells(wanted.cells)].map(([key, cell]) => ({
    ...emptyCell(cell),
    ...before.get(key),
    error: undefined,
  }))
  const results = new Results(cells)
  const demand = new Demand(claims, cells)
  const tracedKeys = new Set(wanted.traced.map(cellKey))
  const files = new Map(cells.map(cell => [cell.size, dataFile(cell.size)]))
  const random = seededRandom(1)
  const begun = performance.now() - recordedTime(cells, profile)
  const spent = () => performance.now() - begun > profile.budget
  await withChildren(signal, async () => {
    for (let pass = 0; pass < profile.least; pass += 1) await measurePass(pass)
    for (let pass = 0; pass < profile.traces; pass += 1) await tracePass(pass)
    while (!spent() && (await measureOpen()));
  })
  results.load = load
  return results

  /** Side by side: same file, same members. @param {Measured[]} due */
  function ordered(due) {
    return neighbours(due, ({ size, k }) => `${size}/${k}`, random)
  }

  /** What is measured of a cell in a pass. @param {Measured} cell @param {number} pass */
  function partsOf(cell, pass) {
    return pass < profile.whole ? demand.wholeOf(cell) : demand.partsOf(cell)
  }

  async function measurePass(pass) {
    for (const cell of ordered(cells)) {
      const parts = partsOf(cell, pass)
      progress.begin(cell.name)
      if (parts.modes.length > 0 && !cell.error && !isMeasured(cell, pass, parts))
        await guarded(cell, pass, measureCell)
      progress.advance(cost(cell, profile, parts))
    }
  }

  async function tracePass(pass) {
    for (const cell of ordered(cells.filter(cell => tracedKeys.has(cell.key) && partsOf(cell, pass).traced))) {
      progress.begin(`locks of ${cell.name}`)
      if (!cell.error && !cell.untraced && !cell.traced[pass]) await guarded(cell, pass, traceCell)
      progress.advance(traceCost(cell, profile))
    }
  }

  /** One more pass of what claims rest on that are open; answers whether there was any. */
  async function measureOpen() {
    const { reads, locks } = demand.cellsOf(claims.filter(claim => isOpen(claim, results, profile.narrow)))
    const steps = [
      ...ordered(cells.filter(({ key, first }) => reads.has(key) && first.length < profile.most)).map(cell => ({
        cell,
        pass: cell.first.length,
        step: measureCell,
        time: cost(cell, profile, demand.partsOf(cell)),
      })),
      ...ordered(cells.filter(({ key, traced }) => locks.has(key) && traced.length < profile.most)).map(cell => ({
        cell,
        pass: cell.traced.length,
        step: traceCell,
        time: traceCost(cell, profile),
      })),
    ].filter(({ cell }) => !cell.error)
    progress.extend(steps.reduce((sum, { time }) => sum + time, 0))
    for (const { cell, pass, step, time } of steps) {
      if (spent()) return false
      progress.begin(step === traceCell ? `locks of ${cell.name}` : cell.name)
      await guarded(cell, pass, step)
      progress.advance(time)
    }
    return steps.length > 0
  }

  /** @param {Measured} cell @param {number} pass @param {import('./demand.mjs').Parts} parts */
  function isMeasured(cell, pass, { modes, steady }) {
    const has = (phase, rounds) => modes.every(mode => cell[phase][pass]?.filter(pair => pair[mode]).length === rounds)
    return has('first', 1) && (!steady || profile.rounds === 0 || has('steady', profile.rounds))
  }

  /** A cell that fails is out of the run, with its reason; the others go on. */
  async function guarded(cell, pass, step) {
    signal.throwIfAborted()
    try {
      await withHugePages(cell.hugePages, () => step(cell, pass))
    } catch (error) {
      await Child.killAll()
      signal.throwIfAborted()
      cell.error = `${cell.name}: ${error.message}`
      record({ ...identity(cell), pass, error: error.message })
    }
  }

  /** @param {Measured} cell @param {number} pass */
  async function measureCell(cell, pass) {
    const parts = partsOf(cell, pass)
    const found = {}
    for (const mode of inTurn(pass).filter(one => parts.modes.includes(one))) {
      found[mode] = await measureGroup(cell, mode, pass, parts.steady)
    }
    addPass(cell, pass, found)
  }

  /** @param {Measured} cell @param {number} pass */
  async function traceCell(cell, pass) {
    const take = async stretch => {
      const window = { milliseconds: stretch * profile.first, reads: firstReads(cell), lead: stretch * lead(cell) }
      const pair = await traceGroups(cell, inTurn(pass), files.get(cell.size), window)
      return modes.every(mode => hasRead(pair[mode])) ? pair : undefined
    }
    try {
      const pair = await inTime(take)
      for (const mode of modes) record({ ...identity(cell), mode, pass, phase: 'traced', round: 0, ...pair[mode] })
      cell.traced[pass] = [pair]
    } catch (error) {
      if (error.code !== 'ERR_UNSUPPORTED') throw error
      cell.untraced = error.message
    }
  }

  /**
   * One group at a time: memory that another still held would have to come from pages the machine has not touched yet,
   * which in a virtual machine cost many times as much, and always the one that comes second.
   */
  async function measureGroup(cell, mode, pass, isSteady) {
    const { group, first } = await inTime(async stretch => {
      const group = new Group(cell, mode, files.get(cell.size))
      await group.ready()
      const window = { milliseconds: stretch * profile.first, reads: firstReads(cell) }
      const first = await take(group, { phase: 'first', round: 0 }, window, stretch)
      // First reads come only once in the life of a group.
      if (!first) await group.stop()
      return first && { group, first }
    })
    const steady = []
    const rounds = isSteady ? profile.rounds : 0
    if (rounds > 0) await settle(group)
    for (let round = 0; round < rounds; round += 1) {
      steady.push(
        await inTime(stretch =>
          take(group, { phase: 'steady', round }, { milliseconds: stretch * profile.window }, stretch),
        ),
      )
    }
    await group.stop()
    return { first: [first], steady }

    /** Code is compiled in the background, for which there is least time where many members read much. */
    async function settle(group) {
      let before = 0
      let quiet = 0
      for (let round = 0; round < SETTLING && quiet < QUIET_WINDOWS; round += 1) {
        const sample = await take(group, { phase: 'settle', round }, { milliseconds: profile.settle }, 1)
        quiet = sample?.throughput < FASTER * before ? quiet + 1 : 0
        before = sample?.throughput ?? before
      }
    }

    /** Answers with nothing where the window does not count. */
    async function take(group, place, window, stretch) {
      const before = cpuTimes()
      const { kind: _, ...sample } = await group.sample({ ...window, lead: lead(cell) * stretch })
      const discarded = isToy
        ? hasRead(sample)
          ? undefined
          : 'nothing was read'
        : (whyNotCounted(sample) ?? load.reasonAgainst(before, cpuTimes(), sample))
      record({ ...identity(cell), mode, pass, ...place, ...sample, discarded: discarded ?? null })
      return discarded ? undefined : sample
    }
  }
}

/** @param {Cell[]} cells @returns {Map<string, Cell>} */
const uniqueCells = cells => new Map(cells.map(cell => [cellKey(cell), cell]))

/** Tries until there is an answer, each time with a start that is announced twice as long before, and a window twice as long. */
async function inTime(step) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const found = await step(2 ** attempt)
    if (found) return found
  }
  throw new Error(`in ${ATTEMPTS} attempts no window counted: a worker began too late, or never ran`)
}

/** What was counted in the first reads of others is what is counted here: 2,000, or as many as make 128 MiB. */
const firstReads = ({ size }) => Math.min(2000, (128 * MiB) / size)

/** What members need to hear of a start before it comes, in milliseconds. */
const lead = ({ k }) => 5 + k

/** Who goes first alternates. @param {number} turn @returns {Mode[]} */
const inTurn = turn => (turn % 2 === 0 ? modes : modes.toReversed())

/** About what a pass of a cell takes, in milliseconds: only the time left is told by it. @param {Cell} cell @param {typeof PROFILES['full']} profile @param {import('./demand.mjs').Parts} parts */
function cost({ k }, { first, settle, rounds, window }, parts) {
  const begin = startCost(k) + Math.min(first, 35 * k)
  return parts.modes.length * (begin + (parts.steady ? 3 * settle + rounds * window : 0))
}

/** What a group takes to begin and to end. */
const startCost = k => 300 + 40 * k

/** About what the samples on record of a run that is resumed took: they are paid for. @param {Measured[]} cells @param {typeof PROFILES['full']} profile */
const recordedTime = (cells, profile) =>
  cells.reduce(
    (sum, cell) => sum + cell.first.length * cost(cell, profile, WHOLE) + cell.traced.length * traceCost(cell, profile),
    0,
  )

/** @param {Cell} cell @param {{ first: number }} profile */
const traceCost = ({ k }, { first }) => TRACING + 2 * (startCost(k) + Math.min(first, 35 * k))
