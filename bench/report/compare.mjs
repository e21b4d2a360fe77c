// Folders of results side by side: two machines, two versions of Node, or the same once more.
import Table from 'cli-table3'
import { UsageError } from '../harness/requirements.mjs'
import { readEnvironment, readSummary } from '../harness/results.mjs'
import { agreementOf, claimsOf, rowOf } from './agreement.mjs'
import { formatMeasured, PLAIN } from './format.mjs'

/** What tells a run from another and is not worth a row. */
const INCIDENTAL = ['date', 'load', 'variables', 'packages', 'execArgv']

/** @param {string[]} folders */
export function compareFolders(folders) {
  if (folders.length < 2) throw new UsageError('compare takes two folders of results, or more')
  const runs = folders.map(folder => ({ environment: readEnvironment(folder), rows: readSummary(folder) }))
  const names = folders.map((_, index) => String.fromCharCode(65 + index))
  return [
    ...folders.map((folder, index) => `${names[index]}: ${folder}`),
    environmentTable(names, runs),
    claimTable(names, runs),
    agreementOf({ names, rows: runs.map(({ rows }) => rows) }),
  ].join('\n')
}

/** Only what differs. */
function environmentTable(names, runs) {
  const table = new Table({ style: PLAIN, head: ['differs', ...names] })
  const keys = new Set(runs.flatMap(({ environment }) => Object.keys(environment)))
  for (const key of keys) {
    const values = runs.map(({ environment }) => readable(environment[key]))
    if (!INCIDENTAL.includes(key) && new Set(values).size > 1) table.push([key, ...values])
  }
  return table.toString()
}

const readable = value => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value))

function claimTable(names, runs) {
  const table = new Table({ style: PLAIN, head: ['claim', 'unit', ...names, 'change'], wordWrap: true })
  for (const id of claimsOf(runs.map(({ rows }) => rows))) {
    const rows = runs.map(({ rows }) => rowOf(rows, id))
    const unit = rows.find(Boolean).measured.unit
    table.push([id, unit, ...rows.map(cell), change(rows)])
  }
  return table.toString()
}

const cell = row => (row ? `${formatMeasured({ ...row.measured, unit: '' }).trim()} ${row.verdict}` : 'not run')

/** Of the estimates, the last over the first. */
function change(rows) {
  const [first, last] = [rows[0], rows.at(-1)].map(row => row?.measured.value)
  return first && last ? `${(last / first).toFixed(2)} times` : '-'
}
