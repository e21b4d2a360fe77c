// A run in files of the formats that other programs read: Markdown, CSV and JSON.
import { writeFileSync } from 'node:fs'
import { UsageError } from '../harness/requirements.mjs'
import { summaryMarkdown } from './summary.mjs'

/** @typedef {{ format: 'Markdown' | 'Csv' | 'Json', file: string }[]} Exports */

/** Makes the files before the run: one that cannot be written must not cost a run of hours at its end. @param {Exports} exports */
export function beginExports(exports) {
  for (const { format, file } of exports) {
    try {
      writeFileSync(file, '')
    } catch (error) {
      throw new UsageError(`--export-${format.toLowerCase()}: ${error.message}`)
    }
  }
}

/** @param {Exports} exports @param {import('./html.mjs').Run} run */
export function writeExports(exports, run) {
  for (const { format, file } of exports) writeFileSync(file, FORMATS[format](run))
}

const HEAD = [
  'experiment',
  'id',
  'claim',
  'source',
  'figure',
  'value',
  'low',
  'high',
  'passes',
  'unit',
  'verdict',
  'reason',
]

/** @type {Record<Exports[number]['format'], (run: import('./html.mjs').Run) => string>} */
const FORMATS = {
  Markdown: summaryMarkdown,
  Csv: ({ rows }) => [HEAD, ...rows.map(fields)].map(line => `${line.map(quoted).join(',')}\n`).join(''),
  Json: ({ rows }) => `${JSON.stringify(rows, null, 2)}\n`,
}

function fields({ experiment, claim, source, measured, verdict, reason }) {
  const { id, text, figure } = claim
  const { value, low, high, passes, unit } = measured
  return [experiment, id, text, source.author, figure, value, low, high, passes, unit, verdict, reason]
}

/** As RFC 4180 has it. What is missing or no number is empty. @param {unknown} value */
function quoted(value) {
  if (value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value))) return ''
  const text = String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
