// The tables of one experiment: what was measured, what was claimed and what became of it, and what to be wary of.
import Table from 'cli-table3'
import { formatSize, modes } from '../harness/cells.mjs'
import { ratio, throughput } from '../harness/compare.mjs'
import { isOutlier, modifiedZScores } from '../harness/statistics.mjs'
import { readers } from '../programs/readers.mjs'
import { formatCount, formatInterval, formatMeasured } from './format.mjs'

const PLAIN = { head: [], border: [] }

/**
 * @param {import('../experiments/index.mjs').Experiment} experiment
 * @param {{ results: import('../harness/run.mjs').Results, cells: import('../harness/cells.mjs').Cell[], rows: object[] }} outcome
 */
export function experimentReport(experiment, { results, cells, rows }) {
  const heading = `${experiment.id}: ${experiment.title}. ${experiment.question}`
  const measured = cells.length > 0 ? [cellTable(cells, results)] : []
  return [heading, ...measured, claimTable(rows), ...warnings(cells, results)].join('\n')
}

function cellTable(cells, results) {
  const table = new Table({
    style: PLAIN,
    head: ['reader', 'file', 'k', 'reads', 'workers ops/s', 'processes ops/s', 'workers / processes'],
    colWidths: [46],
    wordWrap: true,
  })
  for (const cell of cells) {
    const place = [readers[cell.reader].label, formatSize(cell.size), cell.k]
    if (results.failure(cell)) {
      table.push([...place, { colSpan: 4, content: `FAILED: ${firstLine(results.failure(cell))}` }])
      continue
    }
    const measured = results.cell(cell)
    for (const phase of ['first', 'steady'].filter(one => measured[one].flat().length > 0)) {
      const rate = mode => formatInterval(throughput(measured, phase, mode), formatCount)
      table.push([...place, phase, rate('workers'), rate('processes'), formatInterval(ratio(measured, phase))])
    }
  }
  return table.toString()
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

/** Samples that lie apart from the others of their cell. They stay in: the medians bear them, and the reader is told. */
function warnings(cells, results) {
  return cells
    .filter(cell => !results.failure(cell))
    .map(cell => results.cell(cell))
    .flatMap(({ name, steady }) =>
      modes.flatMap(mode => {
        const samples = steady.flatMap(pairs => pairs.map((pair, round) => ({ round, rate: pair[mode].throughput })))
        const scores = samples.length > 0 ? modifiedZScores(samples.map(({ rate }) => rate)) : []
        const slow = scores.filter((score, index) => samples[index].round === 0 && score < 0 && isOutlier(score)).length
        const others = scores.filter(isOutlier).length - slow
        return [
          ...(slow > 0
            ? [`warning: ${name}, ${mode}: ${slow} of ${steady.length} first rounds are slow outliers`]
            : []),
          ...(others > 0 ? [`warning: ${name}, ${mode}: ${others} of ${samples.length} samples are outliers`] : []),
        ]
      }),
    )
}

const firstLine = text => text.split('\n', 1)[0]
