// What was measured, cell by cell: an answer for what is there, an error with its reason for what is not.
import { cellKey, cellName } from './cells.mjs'
import { notRunnable } from './requirements.mjs'

/**
 * @typedef {import('./cells.mjs').Cell} Cell
 * @typedef {import('./run.mjs').Measured} Measured
 */

export class Results {
  /** @type {Map<string, Measured>} */
  #cells
  /** What the run has seen of other load. @type {import('./other-load.mjs').OtherLoad | undefined} */
  load

  /** @param {Measured[]} cells */
  constructor(cells) {
    this.#cells = new Map(cells.map(cell => [cell.key, cell]))
  }

  get failures() {
    return [...this.#cells.values()].map(({ error }) => error).filter(error => error !== undefined)
  }

  /** @param {Cell} cell */
  failure(cell) {
    return this.#cells.get(cellKey(cell))?.error
  }

  /** The measured cell. Throws ERR_CELL_FAILED if its run failed, ERR_NOT_MEASURED if none was asked for. @param {Cell} cell */
  cell(cell) {
    const measured = this.#cells.get(cellKey(cell))
    if (!measured) throw Object.assign(new Error(`${cellName(cell)} was not measured`), { code: 'ERR_NOT_MEASURED' })
    if (measured.error) throw Object.assign(new Error(measured.error), { code: 'ERR_CELL_FAILED' })
    return measured
  }

  /** The cell with its locks counted. Throws ERR_NOT_RUNNABLE where that cannot be. @param {Cell} cell */
  locks(cell) {
    const measured = this.cell(cell)
    measured.asked?.('traced')
    if (measured.untraced) throw notRunnable(measured.untraced)
    if (measured.traced.length === 0)
      throw Object.assign(new Error(`the locks of ${cellName(cell)} were not counted`), { code: 'ERR_NOT_MEASURED' })
    return measured
  }

  /** All that was asked for. */
  get all() {
    return [...this.#cells.values()]
  }
}
