// A run in Markdown, short enough to be pasted into an issue.
import { formatMeasured } from './format.mjs'
import { commitText, machine, table, told } from './markdown.mjs'
import { noiseText } from './noise.mjs'

/** @param {import('./html.mjs').Run} run */
export function summaryMarkdown({ environment, rows, noise }) {
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
    `Medians with 95 % intervals. ${sentence(noiseText(noise))}`,
    '',
    tally(rows),
    '',
    table(['id', 'claim', 'source', 'here', 'verdict'], claims),
    '',
  ].join('\n')
}

const VERDICTS = ['confirmed', 'refuted', 'inconclusive', 'not runnable here']

/** How many claims came to which verdict. @param {{ verdict: string }[]} rows */
export function tally(rows) {
  return VERDICTS.map(wanted => [rows.filter(({ verdict }) => verdict === wanted).length, wanted])
    .filter(([count]) => count > 0)
    .map(([count, verdict]) => `${count} ${verdict}`)
    .join(', ')
}

const sentence = text => `${text[0].toUpperCase()}${text.slice(1)}.`
