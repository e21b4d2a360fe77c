// What reports in Markdown have in common: the machine in a sentence, and the claims of an experiment as a table.
import { formatMeasured } from './format.mjs'

/** @param {object} environment as it was recorded */
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

/** A table for each experiment that was run. @param {import('../experiments/index.mjs').Experiment[]} experiments @param {object[]} rows of a summary */
export function verdictTables(experiments, rows) {
  return experiments
    .map(experiment => ({ experiment, own: rows.filter(row => row.experiment === experiment.id) }))
    .filter(({ own }) => own.length > 0)
    .map(({ experiment, own }) => verdictTable(experiment, own))
}

function verdictTable({ title, question }, rows) {
  const lines = rows.map(({ claim, source, measured, verdict }) =>
    [claim.text, `${source.author}: ${claim.figure}`, formatMeasured(measured), verdict].map(escapeCell).join(' | '),
  )
  const sources = new Set(rows.map(({ source }) => `*${source.title}* (${source.author})`))
  return [
    `**${title}.** ${question} Claims of ${[...sources].join(' and ')}:`,
    '',
    '| claim | source | here | verdict |',
    '|---|---|---|---|',
    ...lines.map(line => `| ${line} |`),
  ].join('\n')
}

/** @param {string} text */
export function escapeCell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
