// Measures cells: workers and processes in turn, pass after pass, so that a drift of the machine hits all.
import { Group } from './barrier.mjs'
import { cellKey, cellName, identity, MiB, modes } from './cells.mjs'
import { Child, withChildren } from './child.mjs'
import { ratio } from './compare.mjs'
import { dataFile } from './files.mjs'
import { withHugePages } from './huge-pages.mjs'
import { traceGroups } from './locks.mjs'
import { neighbours } from './order.mjs'
import { emptyCell, recordedCells, TOLERANCE } from './recorded.mjs'
import { notRunnable } from './requirements.mjs'
import { seededRandom } from './statistics.mjs'

/**
 * Each pass starts both groups of each cell anew, since the start decides which malloc arena a thread gets, and finds
 * - first: what their first reads are like, while their heaps grow, for `first` milliseconds at most;
 * - steady: what reads are like later, in `rounds` windows of `window` milliseconds, after windows of `settle` milliseconds that
 *   are recorded and not counted, in which V8 compiles, and its collections begin to keep up with what is read.
 *
 * There are at least so many passes. As long as the `budget`, in milliseconds, is not spent, there are more of those cells
 * that a claim rests on and whose intervals are wider than `narrow`, a share of their value to both sides. `traces` is how
 * often locks are counted.
 */
const PROFILES = {
  toy: { least: 1, most: 1, budget: 0, narrow: 1, traces: 1, first: 10, settle: 0, rounds: 0, window: 0 },
  quick: { least: 2, most: 8, budget: 100e3, narrow: 0.1, traces: 1, first: 300, settle: 40, rounds: 2, window: 30 },
  full: {
    least: 2,
    most: 12,
    budget: 28 * 60e3,
    narrow: 0.05,
    traces: 2,
    first: 600,
    settle: 120,
    rounds: 2,
    window: 150,
  },
}
const ATTEMPTS = 6
/** So many windows at most are given to members to settle in, and as long as each is so many times as fast as the one before. */
const SETTLING = 8
const FASTER = 1.1
/** About what attaching and detaching a trace takes, in milliseconds. */
const TRACING = 1000

/**
 * @typedef {import('./cells.mjs').Cell} Cell
 * @typedef {import('./cells.mjs').Mode} Mode
 * @typedef {'first' | 'steady'} Phase
 * @typedef {{ throughput: number, members: object[], resident: number, usage: Record<string, number> }} Sample `resident` bytes at its end
 * @typedef {Record<Mode, Sample>} Pair
 * @typedef {Record<Mode, Sample & import('./locks.mjs').LockSample>} TracedPair
 * @typedef {Cell & { key: string, name: string, error?: string, untraced?: string }
 *   & Record<Phase, Pair[][]> & { traced: TracedPair[][] }} Measured pairs by pass and round; `untraced` says why no locks were counted
 */

export class Results {
  /** @type {Map<string, Measured>} */
  #cells
  /** Keys of the cells that were looked at. @type {Set<string>} */
  #seen = new Set()

  /** @param {Measured[]} cells */
  constructor(cells) {
    this.#cells = new Map(cells.map(cell => [cell.key, cell]))
  }

  get failures() {
    return [...this.#cells.values()].map(({ error }) => error).filter(error => error !== undefined)
  }

  /** @param {Cell} cell */
  failure(cell) {
    return this.#cells.get(cellKey(cell)).error
  }

  /** The measured cell. Throws ERR_CELL_FAILED if its run failed, ERR_NOT_MEASURED if none was asked for. @param {Cell} cell */
  cell(cell) {
    this.#seen.add(cellKey(cell))
    const measured = this.#cells.get(cellKey(cell))
    if (!measured) throw Object.assign(new Error(`${cellName(cell)} was not measured`), { code: 'ERR_NOT_MEASURED' })
    if (measured.error) throw Object.assign(new Error(measured.error), { code: 'ERR_CELL_FAILED' })
    return measured
  }

  /** The cell with its locks counted. Throws ERR_NOT_RUNNABLE where that cannot be. @param {Cell} cell */
  locks(cell) {
    const measured = this.cell(cell)
    if (measured.untraced) throw notRunnable(measured.untraced)
    if (measured.traced.length === 0)
      throw Object.assign(new Error(`the locks of ${cellName(cell)} were not counted`), { code: 'ERR_NOT_MEASURED' })
    return measured
  }

  /** @param {Cell} cell */
  wasSeen(cell) {
    return this.#seen.has(cellKey(cell))
  }

  /** All that was asked for. */
  get all() {
    return [...this.#cells.values()]
  }
}

/** About what all of it takes at least, in milliseconds. @param {Wanted} wanted @param {import('./cells.mjs').RunSize} size */
export function cellsTime({ cells, traced }, size) {
  const profile = PROFILES[size]
  const sum = (list, of) => [...uniqueCells(list).values()].reduce((total, cell) => total + of(cell), 0)
  return (
    profile.least * sum(cells, cell => cost(cell, profile)) +
    profile.traces * sum(traced, cell => traceCost(cell, profile))
  )
}

/**
 * @typedef {{ cells: Cell[], traced: Cell[] }} Wanted as often as experiments asked for them; whose locks are counted, too
 *
 * @param {Wanted} wanted
 * @param {{
 *   size: import('./cells.mjs').RunSize, signal: AbortSignal, record: (line: object) => void, recorded?: object[],
 *   progress: ReturnType<typeof import('../report/progress.mjs').makeProgress>, claims: import('../experiments/index.mjs').Claim[]
 * }} options `recorded` are the samples of the run that is resumed: they are not taken again
 */
export async function measure(wanted, { size, signal, record, recorded = [], progress, claims }) {
  const profile = PROFILES[size]
  const before = recordedCells(recorded)
  /** @type {Measured[]} */
  const cells = [...uniqueCells(wanted.cells)].map(([key, cell]) => ({
    ...emptyCell(cell),
    ...before.get(key),
    error: undefined,
  }))
  const tracedKeys = new Set(wanted.traced.map(cellKey))
  const files = new Map(cells.map(cell => [cell.size, dataFile(cell.size)]))
  const random = seededRandom(1)
  const begun = performance.now() - recordedTime(cells, profile)
  const spent = () => performance.now() - begun > profile.budget
  await withChildren(signal, async () => {
    for (let pass = 0; pass < profile.least; pass += 1) await measurePass(pass)
    for (let pass = 0; pass < profile.traces; pass += 1) await tracePass(pass)
    const results = lookAt(claims, cells)
    for (let pass = profile.least; pass < profile.most && !spent(); pass += 1) await measureMore(pass, results)
  })
  return new Results(cells)

  /** Side by side: same file, same members. @param {Measured[]} due */
  function ordered(due) {
    return neighbours(due, ({ size, k }) => `${size}/${k}`, random)
  }

  async function measurePass(pass) {
    for (const cell of ordered(cells)) {
      progress.begin(cell.name)
      if (!cell.error && !isMeasured(cell, pass)) await guarded(cell, pass, measureCell)
      progress.advance(cost(cell, profile))
    }
  }

  /** @param {number} pass @param {Results} results */
  async function measureMore(pass, results) {
    const matters = cell => cell.twin || results.wasSeen(cell)
    const due = ordered(
      cells.filter(cell => matters(cell) && !cell.error && isMeasured(cell, pass - 1) && !isNarrow(cell)),
    )
    progress.extend(due.reduce((sum, cell) => sum + cost(cell, profile), 0))
    for (const cell of due) {
      if (spent()) return
      progress.begin(cell.name)
      if (!isMeasured(cell, pass)) await guarded(cell, pass, measureCell)
      progress.advance(cost(cell, profile))
    }
  }

  async function tracePass(pass) {
    for (const cell of ordered(cells.filter(({ key }) => tracedKeys.has(key)))) {
      progress.begin(`locks of ${cell.name}`)
      if (!cell.error && !cell.untraced && !cell.traced[pass]) await guarded(cell, pass, traceCell)
      progress.advance(traceCost(cell, profile))
    }
  }

  /** @param {Measured} cell @param {number} pass */
  function isMeasured(cell, pass) {
    return cell.first[pass] !== undefined && (profile.rounds === 0 || cell.steady[pass]?.length === profile.rounds)
  }

  /** @param {Measured} cell */
  function isNarrow(cell) {
    return ['first', 'steady'].every(phase => {
      const { value, low, high } = ratio(cell, phase)
      return high - low <= 2 * profile.narrow * value
    })
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
    const found = {}
    for (const mode of inTurn(pass)) found[mode] = await measureGroup(cell, mode, pass)
    for (const phase of /** @type {Phase[]} */ (['first', 'steady'])) {
      const { workers, processes } = found
      cell[phase][pass] = workers[phase].map((sample, round) => ({
        workers: sample,
        processes: processes[phase][round],
      }))
    }
  }

  /** @param {Measured} cell @param {number} pass */
  async function traceCell(cell, pass) {
    const window = { milliseconds: profile.first, reads: firstReads(cell), lead: lead(cell) }
    try {
      const pair = await traceGroups(cell, inTurn(pass), files.get(cell.size), window)
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
  async function measureGroup(cell, mode, pass) {
    const { group, first } = await inTime(async stretch => {
      const group = new Group(cell, mode, files.get(cell.size))
      await group.ready()
      const window = { milliseconds: profile.first, reads: firstReads(cell) }
      const first = await take(group, { phase: 'first', round: 0 }, window, stretch)
      // First reads come only once in the life of a group.
      if (!first) await group.stop()
      return first && { group, first }
    })
    const steady = []
    if (profile.rounds > 0) await settle(group)
    for (let round = 0; round < profile.rounds; round += 1) {
      const window = { milliseconds: profile.window }
      steady.push(await inTime(stretch => take(group, { phase: 'steady', round }, window, stretch)))
    }
    await group.stop()
    return { first: [first], steady }

    /** Code is compiled in the background, for which there is least time where many members read much. */
    async function settle(group) {
      let before = 0
      for (let round = 0; round < SETTLING; round += 1) {
        const sample = await take(group, { phase: 'settle', round }, { milliseconds: profile.settle }, 1)
        if (sample?.throughput < FASTER * before) return
        before = sample?.throughput ?? before
      }
    }

    /** Answers with nothing where a member heard of the start too late. */
    async function take(group, place, window, stretch) {
      const { kind: _, ...sample } = await group.sample({ ...window, lead: lead(cell) * stretch })
      record({ ...identity(cell), mode, pass, ...place, ...sample })
      return sample.late > TOLERANCE ? undefined : sample
    }
  }
}

/** Results that know which cells the claims rest on. @param {import('../experiments/index.mjs').Claim[]} claims @param {Measured[]} cells */
function lookAt(claims, cells) {
  const results = new Results(cells)
  for (const { measure } of claims) {
    try {
      measure(results)
    } catch {
      // One that rests on something else besides, or that cannot be judged: it is told when all is there.
    }
  }
  return results
}

/** @param {Cell[]} cells @returns {Map<string, Cell>} */
const uniqueCells = cells => new Map(cells.map(cell => [cellKey(cell), cell]))

/** Tries until there is an answer, each time with starts that are announced twice as long before. */
async function inTime(step) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const found = await step(2 ** attempt)
    if (found) return found
  }
  throw new Error(`in ${ATTEMPTS} attempts a member heard of a start too late`)
}

/** What was counted in the first reads of others is what is counted here: 2,000, or as many as make 128 MiB. */
const firstReads = ({ size }) => Math.min(2000, (128 * MiB) / size)

/** What members need to hear of a start before it comes, in milliseconds. */
const lead = ({ k }) => 5 + k

/** Who goes first alternates. @param {number} turn @returns {Mode[]} */
const inTurn = turn => (turn % 2 === 0 ? modes : modes.toReversed())

/** About what a pass of a cell takes, in milliseconds: only the time left is told by it. */
function cost(cell, { first, settle, rounds, window }) {
  const start = 30 + 90 * cell.k
  return start + first + 3 * settle + 2 * (3 + rounds) * lead(cell) + 2 * rounds * window
}

/** About what the samples on record of a run that is resumed took: they are paid for. @param {Measured[]} cells @param {typeof PROFILES['full']} profile */
const recordedTime = (cells, profile) =>
  cells.reduce(
    (sum, cell) => sum + cell.first.length * cost(cell, profile) + cell.traced.length * traceCost(cell, profile),
    0,
  )

/** @param {Cell} cell @param {{ first: number }} profile */
const traceCost = ({ k }, { first }) => TRACING + 2 * (30 + 90 * k + first)
