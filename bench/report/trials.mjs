// The table of trials: what each way to read came to at each work.
import Table from 'cli-table3'
import { each, pairwise } from '../harness/ratios.mjs'
import { formatCount, formatInterval, PLAIN } from './format.mjs'
import { outlierWarnings } from './outliers.mjs'

/** No rules between rows: there are many. */
const DENSE = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** @typedef {import('../harness/trials.mjs').Trials} Trials */

/** Works that are points of a curve are left to the tables of curves. @param {Trials} trials */
export function trialTable(trials, works = trials.works.filter(({ growth }) => !growth)) {
  const table = new Table({
    style: PLAIN,
    chars: DENSE,
    head: ['work and ways to read', 'mean [95 % interval]', 'times the first', 'besides'],
    colWidths: [62, 26, 24, 40],
    wordWrap: true,
  })
  for (const work of works) {
    table.push([work.title, work.unit, '', ''])
    for (const way of work.ways) table.push([`  ${way.label}`, ...cells(trials, work, way.id)])
  }
  return table.toString()
}

/** @param {Trials} trials @param {import('../harness/trials.mjs').Work} work @param {string} way */
function cells(trials, { id, value, base, also }, way) {
  const refused = reasonAgainst(trials, id, way)
  if (refused) return ['-', '', refused]
  const samples = trials.samples(id, way)
  const found = formatInterval(each(samples, value), formatCount)
  const compares = base !== undefined && way !== base && !reasonAgainst(trials, id, base)
  const ratio = compares ? pairwise(samples, trials.samples(id, base), (a, b) => value(a) / value(b)) : undefined
  return [found, ratio ? formatInterval(ratio) : '', also?.(samples.flat()) ?? '']
}

/** Why there is no number. @param {Trials} trials @param {string} work @param {string} way */
export function reasonAgainst(trials, work, way) {
  const { missing, error } = trials.find(work, way)
  if (missing) return `not runnable here: ${missing}`
  return error && `FAILED: ${error.split('\n', 1)[0]}`
}

/** @param {Trials} trials */
export function trialWarnings(trials) {
  return trials.all.flatMap(({ name, samples }) =>
    outlierWarnings(
      name,
      samples.map(rounds => rounds.map(({ rate }) => rate).filter(rate => rate !== undefined)),
    ),
  )
}
