// A run in Markdown: its screen and all of its tables.

import { VERDICTS } from '../harness/verdict.mjs'
import { controlText } from './control.mjs'
import { formatMeasured } from './format.mjs'
import { lockNotes, lockTable } from './locks.mjs'
import { commitText, table, told } from './markdown.mjs'
import { cellWarnings } from './outliers.mjs'
import { screenOf } from './screen.mjs'
import { cellTable } from './table.mjs'

/** @param {import('./html.mjs').Run} run */
export function summaryMarkdown(run) {
  const { environment, rows, cells, control } = run
  const claims = rows.map(({ claim, measured, verdict, reason }) => [
    claim.id,
    claim.text,
    claim.figure,
    formatMeasured(measured),
    told(verdict, reason),
  ])
  const notes = [...lockNotes(cells), ...cellWarnings(cells)].map(note => `- ${note}`)
  return `${[
    `\`\`\`text\n${screenOf(run)}\n\`\`\``,
    `Commit ${commitText(environment)}. Means of passes with 95 % intervals. ${controlText(control)}.`,
    tally(rows),
    table(['id', 'claim', 'source', 'here', 'verdict'], claims),
    ...[cellTable(cells), lockTable(cells)].flatMap(({ head, rows }) => (rows.length > 0 ? [table(head, rows)] : [])),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ].join('\n\n')}\n`
}

/** How many claims came to which verdict. @param {{ verdict: string }[]} rows */
export function tally(rows) {
  return VERDICTS.map(wanted => [rows.filter(({ verdict }) => verdict === wanted).length, wanted])
    .filter(([count]) => count > 0)
    .map(([count, verdict]) => `${count} ${verdict}`)
    .join(', ')
}
