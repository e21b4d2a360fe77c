#!/usr/bin/env zx
// The way in: runs the experiments asked for, shows what they found, and leaves it in a dated folder.
import { constants } from 'node:os'
import { basename, relative } from 'node:path'
import { CommanderError } from 'commander'
import { experiments } from './experiments/index.mjs'
import { describeEnvironment } from './harness/environment.mjs'
import { dataFolder } from './harness/files.mjs'
import { parseOptions, UsageError } from './harness/options.mjs'
import { makeRun } from './harness/results.mjs'
import { cellsTime, measure } from './harness/run.mjs'
import { judge } from './harness/verdict.mjs'
import { makeProgress } from './report/progress.mjs'
import { experimentReport } from './report/table.mjs'

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(name, () => interruption.abort(name))

try {
  await main()
} catch (error) {
  if (interruption.signal.aborted) process.exitCode = 128 + constants.signals[interruption.signal.reason]
  else if (error instanceof UsageError) {
    console.error(`matrix: ${error.message}`)
    process.exitCode = 2
  } else if (error instanceof CommanderError) process.exitCode = error.exitCode
  else throw error
}

async function main() {
  const { command, words } = commandLine()
  const { chosen, size, list, out, json } = parseOptions(words, experiments)
  if (list) {
    for (const { id, question } of chosen) console.log(`${id.padEnd(12)} ${question}`)
    return
  }
  const environment = describeEnvironment({ command, folder: dataFolder() })
  const plan = chosen.map(experiment => {
    const obstacle = experiment.obstacle(environment)
    return { experiment, obstacle, cells: obstacle ? [] : experiment.variants(size) }
  })
  const run = makeRun(out, environment)
  const folder = relative('', run.folder)
  const { signal } = interruption
  const progress = makeProgress()
  const { results, found } = await measureAll(plan, { size, signal, run, progress }).finally(() => {
    progress.stop()
    if (signal.aborted) console.error(`matrix: ${signal.reason}, what was sampled is in ${folder}`)
  })

  const judged = plan.map(({ experiment, obstacle, cells }) => {
    const outcome = { results, size, obstacle, cells, found: found.get(experiment) }
    const rows = judge(experiment, outcome)
    return { rows, report: experimentReport(experiment, { ...outcome, rows }) }
  })
  const summary = judged.flatMap(({ rows }) => rows)
  run.summarize(summary)
  const show = json ? console.error : console.log
  for (const { report } of judged) show(`${report}\n`)
  if (json) console.log(JSON.stringify(summary, null, 2))
  show(`results: ${folder}`)
  const failures = [results, ...found.values()].flatMap(({ failures }) => failures)
  for (const failure of failures) console.error(`FAILED: ${failure}`)
  if (failures.length > 0) process.exitCode = 1
}

/** The cells of all experiments, which may share them, and then what each experiment measures for itself. */
async function measureAll(plan, { size, signal, run, progress }) {
  const cells = plan.flatMap(({ cells }) => cells)
  const others = plan.filter(({ experiment, obstacle }) => experiment.measure && !obstacle)
  progress.start(others.reduce((sum, { experiment }) => sum + experiment.time(size), cellsTime(cells, size)))
  const results = await measure(cells, { size, signal, record: run.record, progress })
  const found = new Map()
  for (const { experiment } of others) {
    const record = sample => run.record({ experiment: experiment.id, ...sample })
    found.set(experiment, await experiment.measure({ size, signal, record, save: run.save, progress }))
  }
  return { results, found }
}

/** Under zx its own path, and perhaps its own options, come before the script. */
function commandLine() {
  const place = process.argv.findIndex(word => basename(word) === 'matrix.mjs')
  const words = process.argv.slice(place + 1)
  const runner = place === 1 ? 'node' : 'zx'
  const quoted = words.map(word => (/^[\w./=:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
  return { words, command: [runner, 'bench/matrix.mjs', ...quoted].join(' ') }
}
