// What claims rest on: which parts of which cells, and whether more passes of them could change what becomes of a claim.
import { cellKey, modes } from './cells.mjs'
import { Results } from './measured.mjs'
import { LEAST_PASSES } from './statistics.mjs'

/**
 * Which modes are measured, beyond their first reads or not; and whether locks are counted, which takes members of their own.
 * @typedef {{ modes: import('./cells.mjs').Mode[], steady: boolean, traced: boolean }} Parts
 * @typedef {import('../experiments/index.mjs').Claim} Claim
 */

/** @type {Parts} */
export const WHOLE = { modes, steady: true, traced: true }

/** @type {Parts} */
export const NOTHING = { modes: [], steady: false, traced: false }

/** A pass in which all is equal: what is read of it is what is noticed. */
const FIGURES = { count: 1, waited: { total: 1, mean: 1, histogram: [{ from: 1, count: 1 }] } }
const SAMPLE = {
  throughput: 1,
  resident: 1,
  members: [{ operations: 1, elapsed: 1 }],
  locks: { writes: FIGURES, reads: FIGURES },
}
const PASSES = [[{ workers: SAMPLE, processes: SAMPLE }]]

export class Demand {
  /** By the key of a cell. @type {Map<string, Parts>} */
  #parts = new Map()
  /** By what it looks at. @type {Map<Claim, Map<string, Parts>>} */
  #claims = new Map()
  /** The A/A control: the cell that is measured twice, by its keys. @type {string[]} */
  #control

  /**
   * Has each claim look at cells in which nothing was measured yet.
   * @param {Claim[]} claims
   * @param {import('./cells.mjs').Cell[]} cells
   */
  constructor(claims, cells) {
    for (const claim of claims) {
      const looked = look(claim, cells)
      this.#claims.set(claim, looked)
      for (const [key, parts] of looked) add(this.#parts, key, parts)
    }
    const twins = cells.filter(({ twin }) => twin)
    this.#control = twins.flatMap(twin => [cellKey(twin), cellKey({ ...twin, twin: undefined })])
    for (const key of this.#control) add(this.#parts, key, { ...WHOLE, traced: false })
  }

  /** What all claims together look at. @param {import('./cells.mjs').Cell} cell */
  partsOf(cell) {
    return this.#parts.get(cellKey(cell)) ?? NOTHING
  }

  /** What a cell is measured of as a whole: its steady reads only if any claim looks at its reads. @param {import('./cells.mjs').Cell} cell */
  wholeOf(cell) {
    return { ...WHOLE, steady: this.partsOf(cell).modes.length > 0 }
  }

  /** The keys of the cells whose reads, and of those whose locks, claims rest on. @param {Claim[]} claims */
  cellsOf(claims) {
    const looked = claims.flatMap(claim => [...this.#claims.get(claim)])
    const keys = of => looked.filter(([, parts]) => of(parts)).map(([key]) => key)
    const reads = keys(({ modes }) => modes.length > 0)
    return {
      reads: new Set(reads.length > 0 ? [...reads, ...this.#control] : []),
      locks: new Set(keys(({ traced }) => traced)),
    }
  }
}

/** @param {Claim} claim @param {import('./cells.mjs').Cell[]} cells @returns {Map<string, Parts>} by the key of a cell */
function look(claim, cells) {
  const found = new Map()
  const watched = cells.map(cell => {
    const key = cellKey(cell)
    const asked = (phase, wanted) =>
      add(
        found,
        key,
        phase === 'traced' ? { ...NOTHING, traced: true } : { ...NOTHING, modes: wanted, steady: phase === 'steady' },
      )
    return { ...cell, key, name: '', first: PASSES, steady: PASSES, traced: PASSES, asked }
  })
  try {
    claim.measure(new Results(watched))
  } catch {
    // One that rests on something else besides: what it had looked at until then counts.
  }
  return found
}

/** @param {Map<string, Parts>} all @param {string} key @param {Parts} parts */
function add(all, key, parts) {
  const before = all.get(key) ?? NOTHING
  all.set(key, {
    modes: modes.filter(mode => before.modes.includes(mode) || parts.modes.includes(mode)),
    steady: before.steady || parts.steady,
    traced: before.traced || parts.traced,
  })
}

/** What four times as many passes make of an interval, and a fourth of them: its width goes with the root of their number. */
const HALF = 0.5
const TWICE = 2

/**
 * A claim is open as long as more passes could decide it, or could undo what is decided: with an interval half as wide there
 * would be a verdict, and with one twice as wide there would be none. It is closed, too, where more passes cannot change it
 * much, because the interval is narrow.
 * @param {Claim} claim
 * @param {Results} results
 * @param {number} narrow
 */
export function isOpen({ rule, measure }, results, narrow) {
  const interval = measured(measure, results)
  if (!interval) return false
  const { value, low, high, passes } = interval
  if (passes < LEAST_PASSES) return true
  if (high - low <= 2 * narrow * Math.abs(value)) return false
  const scaled = by => ({ low: value - by * (value - low), high: value + by * (high - value) })
  return rule.decide(scaled(TWICE)) === 'open' && rule.decide(scaled(HALF)) !== 'open'
}

/** Nothing where a cell failed, or where the claim rests on what is measured elsewhere. */
function measured(measure, results) {
  try {
    return measure(results)
  } catch {
    return undefined
  }
}
