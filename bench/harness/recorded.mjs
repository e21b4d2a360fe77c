// Cells as they were recorded: what a run goes on from when it is resumed, and what reports of old runs are made of.
import { cellKey, cellName, identity, modes } from './cells.mjs'

/** By how many milliseconds a member may hear of a start too late: less than a member waits for a core anyway where there are more members than cores. */
export const TOLERANCE = 2

/** @typedef {import('./run.mjs').Measured} Measured */

/** A cell of which nothing is known yet. @param {import('./cells.mjs').Cell} cell @returns {Measured} */
export function emptyCell(cell) {
  return { ...identity(cell), key: cellKey(cell), name: cellName(cell), first: [], steady: [], traced: [] }
}

/**
 * The samples of one cell and pass that are on record, pair by pair: complete with both modes, or not at all.
 * @param {object[]} lines of samples.jsonl
 * @returns {Map<string, Measured>} by key
 */
export function recordedCells(lines) {
  /** @type {Map<string, Measured>} */
  const cells = new Map()
  /** @type {Map<string, object[]>} */
  const passes = new Map()
  for (const line of lines.filter(({ reader }) => reader !== undefined)) {
    const key = cellKey(line)
    if (!cells.has(key)) cells.set(key, emptyCell(line))
    if (line.error) cells.get(key).error = line.error
    else if (line.phase === 'traced' || !(line.late > TOLERANCE)) {
      const place = JSON.stringify([key, line.pass])
      passes.set(place, [...(passes.get(place) ?? []), line])
    }
  }
  for (const [place, samples] of passes) {
    const [key, pass] = JSON.parse(place)
    addPass(cells.get(key), pass, samples)
  }
  return cells
}

/** @param {Measured} cell @param {number} pass @param {object[]} samples */
function addPass(cell, pass, samples) {
  const of = (mode, phase) => {
    const found = samples.filter(sample => sample.mode === mode && sample.phase === phase)
    // A window that was taken again after an interruption counts once.
    return [...new Map(found.map(sample => [sample.round, sample])).values()].sort((a, b) => a.round - b.round)
  }
  for (const phase of ['first', 'steady', 'traced']) {
    const [workers, processes] = modes.map(mode => of(mode, phase))
    if (workers.length > 0 && workers.length === processes.length) {
      cell[phase][pass] = workers.map((sample, round) => ({ workers: sample, processes: processes[round] }))
    }
  }
}
