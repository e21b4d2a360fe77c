// Reports and verdicts that are made of a folder of results, without a run.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { experiments } from '../experiments/index.mjs'
import { checksOf } from '../harness/control.mjs'
import { Results } from '../harness/measured.mjs'
import { recordedCells, recordedTrials } from '../harness/recorded.mjs'
import { UsageError } from '../harness/requirements.mjs'
import { readEnvironment, readSamples, readSummary, writeJson } from '../harness/results.mjs'
import { judge } from '../harness/verdict.mjs'
import { htmlReport } from './html.mjs'
import { summaryMarkdown } from './summary.mjs'

/** All that a report is made of, by its files. @param {import('./html.mjs').Run} run */
export const reports = run => ({ 'summary.md': summaryMarkdown(run), 'report.html': htmlReport(run) })

/** Judges a folder anew, by the rules of today, and writes its reports. @param {string[]} words of the command line */
export function reportAgain([folder, ...others]) {
  if (folder === undefined || others.length > 0) throw new UsageError('report takes one folder of results')
  const run = readRun(folder)
  writeJson(join(folder, 'summary.json'), run.rows)
  const written = Object.entries(reports(run)).map(([name, text]) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  })
  return [join(folder, 'summary.json'), ...written].join('\n')
}

/** What was measured, as it is on record. @param {string} folder @returns {import('./html.mjs').Run} */
export function readRun(folder) {
  const environment = readEnvironment(folder)
  const samples = readSamples(folder)
  const cells = [...recordedCells(samples).values()]
  const rows = judgedAgain({ environment, samples, cells, before: readSummary(folder) })
  return { environment, rows, cells, ...checksOf(samples, cells), texts: textsOf(folder, rows) }
}

/** What experiments that measure for themselves have written into the folder. */
function textsOf(folder, rows) {
  const found = [...new Set(rows.map(({ experiment }) => experiment))].map(id => [id, join(folder, `${id}.txt`)])
  return Object.fromEntries(
    found.filter(([, path]) => existsSync(path)).map(([id, path]) => [id, readFileSync(path, 'utf8')]),
  )
}

/**
 * The claims of the experiments that were run, judged on the samples. Where these do not have what a claim rests on (why
 * something could not run, for one), the row stays as it was.
 */
function judgedAgain({ environment, samples, cells, before }) {
  const size =
    environment.asked?.size ?? ['toy', 'full'].find(one => environment.command.includes(`--${one}`)) ?? 'quick'
  const results = new Results(cells)
  return experiments
    .filter(({ id }) => before.some(({ experiment }) => experiment === id))
    .flatMap(experiment => {
      const trials = experiment.measure && recordedTrials(samples, experiment.id)
      const found = trials && (experiment.recall?.(trials, size) ?? trials)
      return judge({ ...experiment, variants: () => [] }, { results, size, environment, found }).flatMap(row => {
        const old = before.find(({ claim }) => claim.id === row.claim.id)
        return row.mistake ? (old ?? []) : row
      })
    })
}
