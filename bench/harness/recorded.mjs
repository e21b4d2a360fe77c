// Samples as they were recorded: a run that is resumed goes on from them, and reports of old runs are made of them.
import { cellKey, cellName, identity, modes } from './cells.mjs'

/** By how many milliseconds a worker may hear of a start too late: less than it waits for a core anyway where there are more workers than cores. */
const TOLERANCE = 2

/** A line of samples.jsonl. @typedef {Record<string, any>} Line */

/** Counts of locks are counts for each read. @param {{ members?: { operations: number }[] }} sample */
export const hasRead = ({ members = [] }) => members.some(({ operations }) => operations > 0)

/**
 * Why a window does not count: a worker that was not running for all of it has read nothing, and foreign load has taken the
 * processors. Such a window is taken again. Of a sample on record it is known; older ones do not say it.
 * @param {{ late?: number, members?: { operations: number }[], discarded?: string | null }} sample
 */
export function whyNotCounted({ late = 0, members = [], discarded }) {
  if (discarded !== undefined) return discarded ?? undefined
  if (late > TOLERANCE) return 'a worker heard of the start too late'
  if (members.some(({ operations }) => operations === 0)) return 'a worker did not run in the window'
}

/** @typedef {import('./run.mjs').Measured} Measured */

/** A cell of which nothing is known yet. @param {import('./cells.mjs').Cell} cell @returns {Measured} */
export function emptyCell(cell) {
  return { ...identity(cell), key: cellKey(cell), name: cellName(cell), first: [], steady: [], traced: [] }
}

/**
 * What is on record of each cell, pass by pass.
 * @param {Line[]} lines of samples.jsonl
 * @returns {Map<string, Measured>} by key
 */
export function recordedCells(lines) {
  /** @type {Map<string, Measured>} */
  const cells = new Map()
  /** @type {Map<string, Line[]>} */
  const passes = new Map()
  for (const line of lines.filter(({ reader }) => reader !== undefined)) {
    const key = cellKey(line)
    if (!cells.has(key)) cells.set(key, emptyCell(line))
    if (line.error) cells.get(key).error = line.error
    else if (line.phase === 'traced' ? hasRead(line) : !whyNotCounted(line)) {
      const place = JSON.stringify([key, line.pass])
      passes.set(place, [...(passes.get(place) ?? []), line])
    }
  }
  for (const [place, samples] of passes) {
    const [key, pass] = JSON.parse(place)
    const of = (mode, phase) => {
      const found = samples.filter(sample => sample.mode === mode && sample.phase === phase)
      // A window that was taken again after an interruption counts once.
      return [...new Map(found.map(sample => [sample.round, sample])).values()].sort((a, b) => a.round - b.round)
    }
    const found = modes.map(mode => [
      mode,
      { first: of(mode, 'first'), steady: of(mode, 'steady'), traced: of(mode, 'traced') },
    ])
    addPass(cells.get(key), pass, Object.fromEntries(found))
  }
  return cells
}

/**
 * Puts the samples of a pass side by side. A phase that one mode has fewer samples of than another was interrupted, and is left out.
 * @param {Measured} cell
 * @param {number} pass
 * @param {Partial<Record<import('./cells.mjs').Mode, Partial<Record<'first' | 'steady' | 'traced', Line[]>>>>} found by mode, as far as they were measured
 */
export function addPass(cell, pass, found) {
  for (const phase of ['first', 'steady', 'traced']) {
    const own = modes.filter(mode => found[mode]?.[phase]?.length > 0)
    const rounds = Math.max(0, ...own.map(mode => found[mode][phase].length))
    if (rounds === 0 || own.some(mode => found[mode][phase].length < rounds)) continue
    cell[phase][pass] = Array.from({ length: rounds }, (_, round) =>
      Object.fromEntries(own.map(mode => [mode, found[mode][phase][round]])),
    )
  }
}

/**
 * The trials of one experiment, for its claims.
 * @param {Line[]} lines of samples.jsonl
 * @param {string} experiment
 */
export function recordedTrials(lines, experiment) {
  const own = lines.filter(line => line.experiment === experiment)
  const waysOf = work => [...new Set(own.filter(line => line.work === work).map(({ way }) => way))]
  return {
    works: [...new Set(own.map(({ work }) => work))].map(id => ({ id })),
    waysOf,
    failures: [],
    samples(work, way) {
      const found = own.filter(line => line.work === work && line.way === way)
      const failed = found.find(({ round }) => round === undefined)
      if (failed) throw Object.assign(new Error(failed.error), { code: 'ERR_CELL_FAILED' })
      if (found.length === 0) {
        throw Object.assign(new Error(`${way} at ${work} is not on record`), { code: 'ERR_NOT_MEASURED' })
      }
      const passes = []
      for (const { pass, round, ...sample } of found) {
        passes[pass] ??= []
        passes[pass][round] = sample
      }
      return passes
    },
  }
}
