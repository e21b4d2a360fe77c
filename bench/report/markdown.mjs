// What reports in Markdown have in common: the machine in a sentence, and claims as tables.
import { formatMeasured } from './format.mjs'

/** @param {import('../experiments/index.mjs').Environment} environment as it was recorded */
export function machine(environment) {
  const { date, cpu, memory, kernel, node, glibc, fileSystem, readAheadKiB } = environment
  const facts = [
    `${cpu.cores} cores of ${cpu.model}`,
    `${Math.round(memory / 2 ** 30)} GiB`,
    `Linux ${kernel}`,
    `Node ${node}`,
    `glibc ${glibc}`,
    `${fileSystem} with ${readAheadKiB} KiB of read-ahead`,
  ]
  return `On ${date.slice(0, 10)}: ${facts.join(', ')}.`
}

/** What was measured. @param {import('../experiments/index.mjs').Environment} environment as it was recorded */
export function commitText({ commit, dirty }) {
  return `${commit?.slice(0, 10) ?? 'unknown'}${dirty ? ', with changes' : ''}`
}

/** An experiment that was run, with all its claims. @param {import('../experiments/index.mjs').Experiment} experiment @param {import('../harness/verdict.mjs').Row[]} rows of a summary */
export function experimentTable({ id, title, question }, rows) {
  const sources = new Set(rows.map(({ source }) => `*${source.title}* (${source.author})`))
  const intro = `${question} Claims of ${[...sources].join(' and ')}:`
  const claims = table(['claim', 'source', 'here', 'verdict'], rows.map(cells))
  return `### ${headingOf({ id, title })}\n\n${intro}\n\n${claims}`
}

/** Above the table of an experiment. @param {{ id: string, title: string }} experiment */
export const headingOf = ({ id, title }) => `${title} (\`${id}\`)`

/** Claims of several experiments, which are named with them. @param {import('../harness/verdict.mjs').Row[]} rows of summaries */
export function claimTable(rows) {
  const named = rows.map(row => {
    const [claim, ...rest] = cells(row)
    return [`${claim} (\`${row.experiment}\`)`, ...rest]
  })
  return table(['claim', 'source', 'here', 'verdict'], named)
}

const cells = ({ claim, source, measured, verdict, reason }) => [
  claim.text,
  `${source.author}: ${claim.figure}`,
  formatMeasured(measured),
  told(verdict, reason),
]

/** Whether the reason of a verdict is more than its rule. @param {import('../harness/verdict.mjs').Verdict} verdict */
export const needsReason = verdict => ['not runnable here', 'not reproduced here'].includes(verdict)

/** @param {import('../harness/verdict.mjs').Verdict} verdict @param {string} reason */
export const told = (verdict, reason) => (needsReason(verdict) ? `${verdict}: ${reason}` : verdict)

/** @param {string[]} head @param {string[][]} rows */
export function table(head, rows) {
  const lines = [head, head.map(() => '---'), ...rows.map(row => row.map(escapeCell))]
  return lines.map(line => `| ${line.join(' | ')} |`).join('\n')
}

/** @param {string} text */
function escapeCell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
