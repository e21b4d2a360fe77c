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
import { measure } from './harness/run.mjs'
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
  const results = await measure(
    plan.flatMap(({ cells }) => cells),
    { size, signal, record: run.record, progress },
  ).finally(() => {
    progress.stop()
    if (signal.aborted) console.error(`matrix: ${signal.reason}, what was sampled is in ${folder}`)
  })

  const judged = plan.map(({ experiment, obstacle, cells }) => {
    const rows = judge(experiment, { results, size, obstacle })
    return { rows, report: experimentReport(experiment, { results, cells, rows }) }
  })
  const summary = judged.flatMap(({ rows }) => rows)
  run.summarize(summary)
  const show = json ? console.error : console.log
  for (const { report } of judged) show(`${report}\n`)
  if (json) console.log(JSON.stringify(summary, null, 2))
  show(`results: ${folder}`)
  for (const failure of results.failures) console.error(`FAILED: ${failure}`)
  if (results.failures.length > 0) process.exitCode = 1
}

/** Under zx its own path, and perhaps its own options, come before the script. */
function commandLine() {
  const place = process.argv.findIndex(word => basename(word) === 'matrix.mjs')
  const words = process.argv.slice(place + 1)
  const runner = place === 1 ? 'node' : 'zx'
  const quoted = words.map(word => (/^[\w./=:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
  return { words, command: [runner, 'bench/matrix.mjs', ...quoted].join(' ') }
}
