// A run in Markdown, short enough to be pasted into an issue.
import { formatMeasured } from './format.mjs'
import { escapeCell, machine } from './markdown.mjs'
import { noiseText } from './noise.mjs'

/** @param {import('./html.mjs').Run} run */
export function summaryMarkdown({ environment, rows, noise }) {
  const { commit, dirty } = environment
  const lines = rows.map(({ claim, measured, verdict, reason }) =>
    [claim.id, claim.text, claim.figure, formatMeasured(measured), told(verdict, reason)].map(escapeCell).join(' | '),
  )
  return [
    `\`${environment.command}\``,
    '',
    `${machine(environment)} Commit ${commit?.slice(0, 10) ?? 'unknown'}${dirty ? ', with changes' : ''}.`,
    `Medians with 95 % intervals. ${sentence(noiseText(noise))}`,
    '',
    tally(rows),
    '',
    '| id | claim | source | here | verdict |',
    '|---|---|---|---|---|',
    ...lines.map(line => `| ${line} |`),
    '',
  ].join('\n')
}

/** How many claims came to which verdict. @param {{ verdict: string }[]} rows */
export function tally(rows) {
  const counts = new Map()
  for (const { verdict } of rows) counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
  return [...counts].map(([verdict, count]) => `${count} ${verdict}`).join(', ')
}

/** Why there is no number is more than a rule. */
const told = (verdict, reason) => (verdict === 'not runnable here' ? `${verdict}: ${reason}` : verdict)
const sentence = text => `${text[0].toUpperCase()}${text.slice(1)}.`
