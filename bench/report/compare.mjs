// Folders of results side by side: two machines, two versions of Node, or the same once more.
import { wrap } from '../../dist/lib/cli/output.js'
import { UsageError } from '../harness/requirements.mjs'
import { readEnvironment, readSummary } from '../harness/results.mjs'
import { agreementOf, claimsOf, rowOf } from './agreement.mjs'
import { formatMeasured } from './format.mjs'

/** What tells a run from another and is not worth a line. */
const INCIDENTAL = ['date', 'load', 'variables', 'packages', 'execArgv']

/** @param {string[]} folders */
export function compareFolders(folders) {
  if (folders.length < 2) throw new UsageError('compare takes two folders of results, or more')
  const runs = folders.map(folder => ({ environment: readEnvironment(folder), rows: readSummary(folder) }))
  const names = folders.map((_, index) => String.fromCharCode(65 + index))
  const named = values => values.map((value, index) => `${names[index]} ${value}`)
  const lines = [...named(folders), ...differences(runs, named), ...claims(runs, named)]
  return [...lines.map(line => wrap(line, 2)), agreementOf({ names, rows: runs.map(({ rows }) => rows) })].join('\n')
}

/** Of the environments, as far as they differ. */
function differences(runs, named) {
  const keys = new Set(runs.flatMap(({ environment }) => Object.keys(environment)))
  return [...keys]
    .filter(key => !INCIDENTAL.includes(key))
    .map(key => ({ key, values: runs.map(({ environment }) => readable(environment[key])) }))
    .filter(({ values }) => new Set(values).size > 1)
    .map(({ key, values }) => `${key}: ${named(values).join('; ')}`)
}

const readable = value => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value))

function claims(runs, named) {
  return claimsOf(runs.map(({ rows }) => rows)).map(id => {
    const rows = runs.map(({ rows }) => rowOf(rows, id))
    const { unit } = rows.find(Boolean).measured
    return `${id} (${unit}): ${[...named(rows.map(found)), ...change(rows)].join('; ')}`
  })
}

const found = row => (row ? `${formatMeasured({ ...row.measured, unit: '' }).trim()} ${row.verdict}` : 'not run')

/** Of the estimates, the last over the first. */
function change(rows) {
  const [first, last] = [rows[0], rows.at(-1)].map(row => row?.measured.value)
  return first && last ? [`${(last / first).toFixed(2)} times`] : []
}
