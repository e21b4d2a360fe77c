// All that was measured of cells, a row for each of its phases.
import { formatSize, MiB, modes, surroundings } from '../harness/cells.mjs'
import { pairsOf, ratio, resident, throughput } from '../harness/ratios.mjs'
import { readers } from '../programs/readers.mjs'
import { brief, formatCount, formatInterval, orDash } from './format.mjs'

const HEAD = ['reader', 'file', 'k', 'reads', 'workers ops/s', 'processes ops/s', 'workers / processes', 'MiB resident']

/** @param {import('../harness/run.mjs').Measured[]} cells */
export function cellTable(cells) {
  const sorted = [...cells].sort((a, b) => a.size - b.size || a.k - b.k || a.name.localeCompare(b.name))
  return { head: HEAD, rows: sorted.flatMap(rowsOf) }
}

/** @param {import('../harness/run.mjs').Measured} cell */
function rowsOf(cell) {
  const place = [[readers[cell.reader].label, ...surroundings(cell)].join(', '), formatSize(cell.size), String(cell.k)]
  if (cell.error) return [[...place, `FAILED: ${cell.error.split('\n', 1)[0]}`, '', '', '', '']]
  return ['first', 'steady']
    .filter(phase => cell[phase].flat().length > 0)
    .map(phase => {
      const has = wanted => pairsOf(cell, phase, wanted).length > 0
      const rate = mode => orDash(() => formatInterval(throughput(cell, phase, mode), formatCount))
      const memory = modes.filter(mode => has([mode])).map(mode => brief(resident(cell, phase, mode) / MiB))
      return [
        ...place,
        phase,
        rate('workers'),
        rate('processes'),
        orDash(() => formatInterval(ratio(cell, phase))),
        memory.join(', '),
      ]
    })
}
