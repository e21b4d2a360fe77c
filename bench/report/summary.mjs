// A run in Markdown, short enough to be pasted into an issue.

import { VERDICTS } from '../harness/verdict.mjs'
import { controlText } from './control.mjs'
import { formatMeasured } from './format.mjs'
import { commitText, machine, table, told } from './markdown.mjs'

/** @param {import('./html.mjs').Run} run */
export function summaryMarkdown({ environment, rows, control }) {
  const claims = rows.map(({ claim, measured, verdict, reason }) => [
    claim.id,
    claim.text,
    claim.figure,
    formatMeasured(measured),
    told(verdict, reason),
  ])
  return [
    `\`${environment.command}\``,
    '',
    `${machine(environment)} Commit ${commitText(environment)}.`,
    `Means of passes with 95 % intervals. ${controlText(control)}.`,
    '',
    tally(rows),
    '',
    table(['id', 'claim', 'source', 'here', 'verdict'], claims),
    '',
  ].join('\n')
}

/** How many claims came to which verdict. @param {{ verdict: string }[]} rows */
export function tally(rows) {
  return VERDICTS.map(wanted => [rows.filter(({ verdict }) => verdict === wanted).length, wanted])
    .filter(([count]) => count > 0)
    .map(([count, verdict]) => `${count} ${verdict}`)
    .join(', ')
}
