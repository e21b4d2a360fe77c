#!/usr/bin/env zx
// The command line: runs the experiments asked for, shows the result on one screen, and leaves all of it in a dated folder.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { CommanderError } from 'commander'
import { wrap } from '../dist/lib/cli/output.js'
import { environmentOf } from '../scripts/nodes.mjs'
import { experiments } from './experiments/index.mjs'
import { MEMBERS, SIZE } from './experiments/mitigations.mjs'
import { compareControl, controlOf } from './harness/control.mjs'
import { describeEnvironment } from './harness/environment.mjs'
import { dataFolder } from './harness/files.mjs'
import { parseOptions } from './harness/options.mjs'
import { UsageError } from './harness/requirements.mjs'
import { makeRun, resumeRun, shrinkRuns } from './harness/results.mjs'
import { cellsTime, measure } from './harness/run.mjs'
import { judge } from './harness/verdict.mjs'
import { reportAgain, reports } from './report/again.mjs'
import { compareFolders } from './report/compare.mjs'
import { beginExports, writeExports } from './report/export.mjs'
import { power } from './report/power.mjs'
import { predict } from './report/predict.mjs'
import { makeProgress } from './report/progress.mjs'
import { terminalScreen } from './report/screen.mjs'

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
  const [first, ...others] = words
  if (first === 'compare') return console.log(compareFolders(others))
  if (first === 'shrink') return console.log(shrinkRuns(others))
  if (first === 'power') return console.log(power(others))
  if (first === 'predict') return console.log(predict(others))
  if (first === 'report') return console.log(reportAgain(others))
  const named = await withFiles(words)
  const { chosen, leftOut, size, budget, nodes, list, out, json, exports, resume } = parseOptions(
    named.words,
    named.experiments,
  )
  if (nodes) return onEach(nodes, words)
  if (list) {
    for (const { id, question } of [...chosen, ...leftOut]) console.log(`${id.padEnd(19)} ${wrap(question, 20)}`)
    return
  }
  if (leftOut.length > 0) console.error(`left out: ${leftOut.map(({ id }) => id).join(', ')}; name them to run them\n`)
  beginExports(exports)
  const asked = { experiments: chosen.map(({ id }) => id), size, budget }
  const now = { ...describeEnvironment({ command, folder: dataFolder() }), asked }
  const run = resume === undefined ? makeRun(out, now) : resumeRun(resume, now)
  const { environment } = run
  const plan = chosen.map(experiment => {
    const obstacle = experiment.obstacle(environment)
    const cells = obstacle ? [] : experiment.variants(size)
    return { experiment, obstacle, cells, traced: obstacle ? [] : tracedOf(experiment, size, cells) }
  })
  const folder = relative('', run.folder)
  const { signal } = interruption
  const progress = makeProgress()
  const { results, found } = await measureAll(plan, { size, budget, signal, run, progress }).finally(() => {
    progress.stop()
    if (signal.aborted) {
      console.error(`matrix: ${signal.reason}, what was sampled is in ${folder}; to go on with it: --resume ${folder}`)
    }
  })
  const { all: cells, load } = results
  run.record({ load })
  const summary = plan.flatMap(({ experiment, obstacle }) =>
    judge(experiment, { results, size, obstacle, found: found.get(experiment), environment }),
  )
  run.summarize(summary)
  const texts = Object.fromEntries([...found].map(([{ id, report }, measured]) => [id, `${report(measured)}\n`]))
  for (const [id, text] of Object.entries(texts)) run.save(`${id}.txt`, text)
  const data = { environment, rows: summary, cells, control: compareControl(cells), load, texts }
  for (const [name, text] of Object.entries(reports(data))) run.save(name, text)
  writeExports(exports, data)
  const show = json ? console.error : console.log
  if (json) console.log(JSON.stringify(summary, null, 2))
  show(`${terminalScreen(data)}\n`)
  show(`results: ${folder}, with report.html and summary.md`)
  const mistakes = summary.filter(({ mistake }) => mistake).map(({ claim, reason }) => `${claim.id}: ${reason}`)
  const failures = [...[results, ...found.values()].flatMap(({ failures }) => failures), ...mistakes]
  for (const failure of failures) console.error(`FAILED: ${failure}`)
  if (failures.length > 0) process.exitCode = 1
}

/** Replaces the path of an experiment's file by its id. The list need not have it. @param {string[]} words */
async function withFiles(words) {
  const all = [...experiments]
  const ids = words.map(async word => {
    if (!word.endsWith('.mjs') || !existsSync(word)) return word
    const { default: experiment } = await import(pathToFileURL(word).href)
    if (!experiment?.claims) throw new UsageError(`${word} exports no experiment: see bench/templates`)
    const other = all.find(({ id }) => id === experiment.id)
    if (other === undefined) all.push(experiment)
    else if (other !== experiment) throw new UsageError(`${word} has the id of another experiment, ${experiment.id}`)
    return experiment.id
  })
  return { words: await Promise.all(ids), experiments: all }
}

/** The same on several versions of Node, a folder of results for each. @param {string[]} versions @param {string[]} words */
function onEach(versions, words) {
  const place = words.findIndex(word => word.startsWith('--node'))
  const rest = words.toSpliced(place, words[place] === '--node' ? 2 : 1)
  for (const version of versions) {
    const [node, env] = environmentOf(version)
    const { status } = spawnSync(node, [fileURLToPath(import.meta.url), ...rest], { env, stdio: 'inherit' })
    if (status !== 0) process.exitCode = status ?? 1
  }
}

/** The cells of all experiments, which may share them, and then what each experiment measures for itself. */
async function measureAll(plan, { size, budget, signal, run, progress }) {
  const cells = plan.flatMap(({ cells }) => cells)
  const control = controlOf(cells)
  const wanted = { cells: control ? [...cells, control] : cells, traced: plan.flatMap(({ traced }) => traced) }
  const others = plan.filter(({ experiment, obstacle }) => experiment.measure && !obstacle)
  const claims = plan.filter(({ obstacle }) => !obstacle).flatMap(({ experiment }) => experiment.claims)
  const least = cellsTime(wanted, size, claims)
  progress.start(others.reduce((sum, { experiment }) => sum + experiment.time(size, budget), least))
  const { record, recorded } = run
  const results = await measure(wanted, { size, budget, signal, record, recorded, progress, claims })
  const found = new Map()
  for (const { experiment } of others) {
    const record = sample => run.record({ experiment: experiment.id, ...sample })
    const recorded = run.recorded.filter(sample => sample.experiment === experiment.id)
    found.set(
      experiment,
      await experiment.measure({ size, budget, signal, record, recorded, save: run.save, progress }),
    )
  }
  return { results, found }
}

/** In a full run, locks are also counted where an experiment does not ask for it: where the sources measured. */
function tracedOf(experiment, size, cells) {
  return (
    experiment.traced?.(size) ?? (size === 'full' ? cells.filter(cell => cell.size === SIZE && cell.k === MEMBERS) : [])
  )
}

/** Under zx its own path, and perhaps its own options, come before the script. */
function commandLine() {
  const place = process.argv.findIndex(word => basename(word) === 'matrix.mjs')
  const words = process.argv.slice(place + 1)
  const runner = place === 1 ? 'node' : 'zx'
  const quoted = words.map(word => (/^[\w./=:-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
  return { words, command: [runner, 'bench/matrix.mjs', ...quoted].join(' ') }
}
