// The noise of the machine, A against A: how far apart two measurements are of which nothing differs.
import { cellKey, cellName, modes } from './cells.mjs'
import { ratioChange, speedup } from './ratios.mjs'

/**
 * `cell` is what was measured twice, if anything was, and `factor` is what is called equal here, for each phase: 1.05 when what differs in nothing came out 5 % apart.
 * @typedef {{
 *   cell?: string, factor: Partial<Record<import('./run.mjs').Phase, number>>,
 *   comparisons: { name: string, phase: import('./run.mjs').Phase, interval: import('./ratios.mjs').Interval }[]
 * }} Noise
 */

/** The cell that most experiments ask for, to be measured once more: of those with the most members. @param {import('./cells.mjs').Cell[]} cells */
export function twinOf(cells) {
  const most = Math.max(...cells.map(({ k }) => k))
  const asked = new Map()
  for (const cell of cells.filter(({ k }) => k === most)) {
    const key = cellKey(cell)
    asked.set(key, { cell, times: (asked.get(key)?.times ?? 0) + 1 })
  }
  const [first] = [...asked.values()].sort((left, right) => right.times - left.times)
  return first && { ...first.cell, twin: true }
}

/** @param {import('./run.mjs').Measured[]} cells @returns {Noise} */
export function noiseOf(cells) {
  const byKey = new Map(cells.map(cell => [cell.key, cell]))
  const comparisons = cells
    .filter(({ twin }) => twin)
    .flatMap(twin => {
      const base = byKey.get(cellKey({ ...twin, twin: undefined }))
      if (!base || base.error || twin.error) return []
      const phases = ['first', 'steady'].filter(phase => twin[phase].flat().length > 0 && base[phase].flat().length > 0)
      return phases.flatMap(phase => [
        ...modes.map(mode => ({ name: mode, phase, interval: speedup(twin, base, phase, mode) })),
        { name: 'workers / processes', phase, interval: ratioChange(twin, base, phase) },
      ])
    })
  const factor = {}
  for (const { phase, interval } of comparisons) {
    factor[phase] = Math.max(factor[phase] ?? 1, interval.value, 1 / interval.value)
  }
  const [twin] = cells.filter(cell => cell.twin)
  return { cell: twin && cellName({ ...twin, twin: undefined }), factor, comparisons }
}
