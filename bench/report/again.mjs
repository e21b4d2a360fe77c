// Reports that are made of a folder of results, without a run.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { noiseOf } from '../harness/noise.mjs'
import { recordedCells } from '../harness/recorded.mjs'
import { UsageError } from '../harness/requirements.mjs'
import { readEnvironment, readSamples, readSummary } from '../harness/results.mjs'
import { htmlReport } from './html.mjs'
import { summaryMarkdown } from './summary.mjs'

/** All that a report is made of, by its files. @param {import('./html.mjs').Run} run */
export const reports = run => ({ 'summary.md': summaryMarkdown(run), 'report.html': htmlReport(run) })

/** Writes the reports of a folder anew. @param {string[]} words of the command line */
export function reportAgain([folder, ...others]) {
  if (folder === undefined || others.length > 0) throw new UsageError('report takes one folder of results')
  const written = Object.entries(reports(readRun(folder))).map(([name, text]) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  })
  return written.join('\n')
}

/** What was measured, as it is on record. @param {string} folder @returns {import('./html.mjs').Run} */
export function readRun(folder) {
  const environment = readEnvironment(folder)
  const cells = [...recordedCells(readSamples(folder)).values()]
  return { environment, rows: readSummary(folder), cells, noise: noiseOf(cells) }
}
