// The A/A control: one cell measured as if it were two, as a check that nothing differs where nothing is different.
import { cellKey, cellName, modes } from './cells.mjs'
import { pairsOf, ratioChange, speedup } from './ratios.mjs'

/**
 * `cell` is what was measured twice, if anything was.
 * @typedef {{
 *   cell?: string,
 *   comparisons: { name: string, phase: import('./run.mjs').Phase, interval: import('./statistics.mjs').Interval }[]
 * }} Control
 */

/** The cell that most experiments ask for, to be measured once more: of those with the most workers. @param {import('./cells.mjs').Cell[]} cells */
export function controlOf(cells) {
  const most = Math.max(...cells.map(({ k }) => k))
  const asked = new Map()
  for (const cell of cells.filter(({ k }) => k === most)) {
    const key = cellKey(cell)
    asked.set(key, { cell, times: (asked.get(key)?.times ?? 0) + 1 })
  }
  const [first] = [...asked.values()].sort((left, right) => right.times - left.times)
  return first && { ...first.cell, twin: true }
}

/** @param {import('./run.mjs').Measured[]} cells @returns {Control} */
export function compareControl(cells) {
  const byKey = new Map(cells.map(cell => [cell.key, cell]))
  const [control] = cells.filter(({ twin }) => twin)
  const base = control && byKey.get(cellKey({ ...control, twin: undefined }))
  if (!base || base.error || control.error) return { comparisons: [] }
  const phases = ['first', 'steady'].filter(phase => [control, base].every(one => pairsOf(one, phase).length > 0))
  return {
    cell: cellName({ ...control, twin: undefined }),
    comparisons: phases.flatMap(phase => [
      ...modes.map(mode => ({ name: mode, phase, interval: speedup(control, base, phase, mode) })),
      { name: 'workers / processes', phase, interval: ratioChange(control, base, phase) },
    ]),
  }
}

/** How far the numbers of a run can be trusted. @param {import('./recorded.mjs').Line[]} samples @param {import('./run.mjs').Measured[]} cells */
export const checksOf = (samples, cells) => ({
  control: compareControl(cells),
  /** @type {Parameters<typeof import('./other-load.mjs').loadText>[0]} */
  load: samples.findLast(({ load }) => load)?.load,
})
