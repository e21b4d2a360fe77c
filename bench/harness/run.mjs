// Measures cells: workers and processes in turn, pass after pass, so that a drift of the machine hits all.
import { Group } from './barrier.mjs'
import { cellKey, cellName, MiB, modes } from './cells.mjs'
import { Child, withChildren } from './child.mjs'
import { dataFile } from './files.mjs'
import { neighbours } from './order.mjs'
import { seededRandom } from './statistics.mjs'

/**
 * Each pass starts both groups of each cell anew, since the start decides which malloc arena a thread gets, and finds
 * - first: what their first reads are like, while their heaps grow, for `first` milliseconds at most;
 * - steady: what reads are like later, in `rounds` windows of `window` milliseconds, after `settle` milliseconds that are
 *   recorded and not counted, in which V8's collections begin to keep up with what is read.
 */
const PROFILES = {
  toy: { passes: 1, first: 10, settle: 0, rounds: 0, window: 0 },
  quick: { passes: 3, first: 300, settle: 100, rounds: 2, window: 40 },
  full: { passes: 4, first: 800, settle: 300, rounds: 2, window: 300 },
}
const ATTEMPTS = 6
/** By how many milliseconds a member may hear of a start too late: less than a member waits for a core anyway where there are more members than cores. */
const TOLERANCE = 2

/**
 * @typedef {import('./cells.mjs').Cell} Cell
 * @typedef {import('./cells.mjs').Mode} Mode
 * @typedef {'first' | 'steady'} Phase
 * @typedef {{ throughput: number, members: object[], usage: Record<string, number> }} Sample
 * @typedef {Record<Mode, Sample>} Pair
 * @typedef {Cell & { key: string, name: string, error?: string } & Record<Phase, Pair[][]>} Measured pairs by pass and round
 */

export class Results {
  /** @type {Map<string, Measured>} */
  #cells

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
    const measured = this.#cells.get(cellKey(cell))
    if (!measured) throw Object.assign(new Error(`${cellName(cell)} was not measured`), { code: 'ERR_NOT_MEASURED' })
    if (measured.error) throw Object.assign(new Error(measured.error), { code: 'ERR_CELL_FAILED' })
    return measured
  }
}

/** About what all of it takes, in milliseconds. @param {Cell[]} wanted @param {import('./cells.mjs').RunSize} size */
export function cellsTime(wanted, size) {
  const unique = new Map(wanted.map(cell => [cellKey(cell), cell]))
  const profile = PROFILES[size]
  return profile.passes * [...unique.values()].reduce((sum, cell) => sum + cost(cell, profile), 0)
}

/**
 * @param {Cell[]} wanted as often as experiments asked for them
 * @param {{
 *   size: import('./cells.mjs').RunSize, signal: AbortSignal, record: (line: object) => void,
 *   progress: ReturnType<typeof import('../report/progress.mjs').makeProgress>
 * }} options
 */
export async function measure(wanted, { size, signal, record, progress }) {
  const profile = PROFILES[size]
  const unique = new Map(wanted.map(cell => [cellKey(cell), cell]))
  /** @type {Measured[]} */
  const cells = [...unique].map(([key, cell]) => ({ ...cell, key, name: cellName(cell), first: [], steady: [] }))
  const files = new Map(cells.map(cell => [cell.size, dataFile(cell.size)]))
  const random = seededRandom(1)
  await withChildren(signal, async () => {
    for (let pass = 0; pass < profile.passes; pass += 1) {
      // Side by side: same file, same members.
      for (const cell of neighbours(cells, ({ size, k }) => `${size}/${k}`, random)) {
        progress.begin(cell.name)
        if (!cell.error) await measureCell(cell, pass)
        progress.advance(cost(cell, profile))
      }
    }
  })
  return new Results(cells)

  /** A cell that fails is out of the run, with its reason; the others go on. @param {Measured} cell @param {number} pass */
  async function measureCell(cell, pass) {
    signal.throwIfAborted()
    try {
      const found = {}
      for (const mode of inTurn(pass)) found[mode] = await measureGroup(cell, mode, pass)
      for (const phase of /** @type {Phase[]} */ (['first', 'steady'])) {
        const { workers, processes } = found
        cell[phase][pass] = workers[phase].map((sample, round) => ({
          workers: sample,
          processes: processes[phase][round],
        }))
      }
    } catch (error) {
      await Child.killAll()
      signal.throwIfAborted()
      cell.error = `${cell.name}: ${error.message}`
      record({ ...identity(cell), pass, error: error.message })
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
    if (profile.rounds > 0) await take(group, { phase: 'settle', round: 0 }, { milliseconds: profile.settle }, 1)
    for (let round = 0; round < profile.rounds; round += 1) {
      const window = { milliseconds: profile.window }
      steady.push(await inTime(stretch => take(group, { phase: 'steady', round }, window, stretch)))
    }
    await group.stop()
    return { first: [first], steady }

    /** Answers with nothing where a member heard of the start too late. */
    async function take(group, place, window, stretch) {
      const { kind: _, ...sample } = await group.sample({ ...window, lead: lead(cell) * stretch })
      record({ ...identity(cell), mode, pass, ...place, ...sample })
      return sample.late > TOLERANCE ? undefined : sample
    }
  }
}

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

const identity = ({ reader, size, k, env }) => ({ reader, size, k, env })

/** About what a pass of a cell takes, in milliseconds: only the time left is told by it. */
function cost(cell, { first, settle, rounds, window }) {
  const start = 30 + 90 * cell.k
  return start + first + settle + 2 * (2 + rounds) * lead(cell) + 2 * rounds * window
}
