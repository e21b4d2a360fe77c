// The tables of one experiment: what was measured, what was claimed and what became of it, and what to be wary of.
import Table from 'cli-table3'
import { cellKey, formatSize, MiB, modes, surroundings } from '../harness/cells.mjs'
import { pairsOf, passesOf, ratio, resident, throughput } from '../harness/ratios.mjs'
import { readers } from '../programs/readers.mjs'
import { brief, formatCount, formatInterval, formatMeasured, PLAIN } from './format.mjs'
import { lockNotes, lockTable } from './locks.mjs'
import { outlierWarnings } from './outliers.mjs'

/**
 * @param {import('../experiments/index.mjs').Experiment} experiment
 * @param {{
 *   results: import('../harness/measured.mjs').Results, cells: import('../harness/cells.mjs').Cell[], rows: object[],
 *   found?: import('../experiments/index.mjs').Found
 * }} outcome
 */
export function experimentReport(experiment, { results, cells, rows, found }) {
  const heading = `${experiment.id}: ${experiment.title}. ${experiment.question}`
  const unique = [...new Map(cells.map(cell => [cellKey(cell), cell])).values()]
  const measured = unique.length > 0 ? [cellTable(unique, results), ...lockTexts(unique, results)] : []
  if (found) measured.push(experiment.report(found))
  return [heading, ...measured, claimTable(rows), ...warnings(unique, results)].join('\n')
}

function cellTable(cells, results) {
  const table = new Table({
    style: PLAIN,
    head: ['reader', 'file', 'k', 'reads', 'workers ops/s', 'processes ops/s', 'workers / processes', 'MiB resident'],
    colWidths: [46],
    wordWrap: true,
  })
  for (const cell of cells) {
    const place = [nameOf(cell), formatSize(cell.size), cell.k]
    if (results.failure(cell)) {
      table.push([...place, { colSpan: 5, content: `FAILED: ${firstLine(results.failure(cell))}` }])
      continue
    }
    const measured = results.cell(cell)
    for (const phase of ['first', 'steady'].filter(one => measured[one].flat().length > 0)) {
      const has = wanted => pairsOf(measured, phase, wanted).length > 0
      const rate = mode => (has([mode]) ? formatInterval(throughput(measured, phase, mode), formatCount) : '-')
      table.push([
        ...place,
        phase,
        rate('workers'),
        rate('processes'),
        has(modes) ? formatInterval(ratio(measured, phase)) : '-',
        memory(measured, phase),
      ])
    }
  }
  return table.toString()
}

/** Of workers and of processes. */
function memory(measured, phase) {
  return modes
    .filter(mode => pairsOf(measured, phase, [mode]).length > 0)
    .map(mode => brief(resident(measured, phase, mode) / MiB))
    .join(', ')
}

function lockTexts(cells, results) {
  const measured = cells.filter(cell => !results.failure(cell)).map(cell => results.cell(cell))
  const { head, rows } = lockTable(measured)
  if (rows.length === 0) return lockNotes(measured)
  const table = new Table({ style: PLAIN, head, wordWrap: true, colWidths: [34, 12, 18, 20, 18, 16, 16, 20] })
  table.push(...rows)
  return [table.toString(), ...lockNotes(measured)]
}

function claimTable(rows) {
  const table = new Table({
    style: PLAIN,
    head: ['claim', 'source', 'here', 'verdict'],
    colWidths: [56, 24, 28, 46],
    wordWrap: true,
  })
  for (const { claim, source, measured, verdict, reason } of rows) {
    table.push([
      `${claim.id}: ${claim.text}`,
      `${source.author}: ${claim.figure}`,
      formatMeasured(measured),
      `${verdict} (${firstLine(reason)})`,
    ])
  }
  return table.toString()
}

function warnings(cells, results) {
  return cells
    .filter(cell => !results.failure(cell))
    .map(cell => results.cell(cell))
    .flatMap(cell =>
      modes.flatMap(mode => {
        const rates = passesOf(cell, 'steady', [mode]).flatMap(pairs =>
          pairs ? [pairs.map(pair => pair[mode].throughput)] : [],
        )
        return outlierWarnings(`${cell.name}, ${mode}`, rates)
      }),
    )
}

/** @param {import('../harness/cells.mjs').Cell} cell */
const nameOf = cell => [readers[cell.reader].label, ...surroundings(cell)].join(', ')

const firstLine = text => text.split('\n', 1)[0]
