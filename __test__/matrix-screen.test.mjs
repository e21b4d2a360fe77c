// The screen that a run of the matrix ends with, the files that it exports, and its progress without a terminal.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'ava'
import { experiments } from '../bench/experiments/index.mjs'
import { TUNED } from '../bench/experiments/mitigations.mjs'
import { compareControl } from '../bench/harness/control.mjs'
import { parseOptions } from '../bench/harness/options.mjs'
import { recordedCells } from '../bench/harness/recorded.mjs'
import { UsageError } from '../bench/harness/requirements.mjs'
import { rowOf, VERDICTS } from '../bench/harness/verdict.mjs'
import { reports } from '../bench/report/again.mjs'
import { beginExports, writeExports } from '../bench/report/export.mjs'
import { brief, formatCount, formatInterval, formatMeasured } from '../bench/report/format.mjs'
import { makeProgress } from '../bench/report/progress.mjs'
import { screenOf } from '../bench/report/screen.mjs'
import { temporaryFolder } from './helpers/files.mjs'
import { environmentOf, samplesOf } from './helpers/runs.mjs'

const quiet = { windows: 40, busy: 1, retaken: 1 }
const plain = { reader: 'readFileSync', size: 65536, k: 8 }

const INTERVAL = { value: 2, low: 1.5, high: 2.5, passes: 4 }

/** A row of a claim that there is. @param {string} id */
function rowFor(id, verdict, interval = {}, reason = 'it lies') {
  const experiment = experiments.find(({ claims }) => claims.some(claim => claim.id === id))
  const claim = experiment.claims.find(claim => claim.id === id)
  return rowOf(experiment, claim, { ...INTERVAL, ...interval }, verdict, reason)
}

function runOf(rows, more) {
  const lines = samplesOf([plain, { ...plain, ...TUNED }], ['first', 'traced'])
  const cells = [...recordedCells(lines).values()]
  const environment = environmentOf('zx bench/matrix.mjs gap')
  return { environment, rows, cells, control: compareControl(cells), load: quiet, texts: {}, ...more }
}

test('every claim in every verdict: the screen has no line that is wider than the terminal', t => {
  const ids = experiments.flatMap(({ claims }) => claims.map(({ id }) => id))
  const reason = 'it needs 8 hardware threads (here 2) and Node 22 or later (here v20)'
  for (const verdict of VERDICTS) {
    const run = runOf(ids.map(id => rowFor(id, verdict, undefined, reason)))
    for (const columns of [80, 60]) {
      const lines = screenOf(run, columns).split('\n')
      t.deepEqual(
        lines.filter(line => line.length > columns),
        [],
      )
      t.true(lines.length <= 50, `${lines.length} lines`)
    }
  }
})

test('each source has a line of counts, with the requirements of its claims that fail here', t => {
  const reason = 'it needs 8 hardware threads (here 2) and Node 22 or later (here v20)'
  const screen = screenOf(
    runOf([
      rowFor('gap/slower', 'reproduced'),
      rowFor('gap/wide', 'not reproduced here', {}, 'it needs 8 hardware threads (here 2)'),
      rowFor('pool-size/faster', 'not reproduced here', { value: 0.66 }, reason),
      rowFor('gap/lasts', 'contradicted'),
      rowFor('arenas/1', 'undecided'),
      rowFor('arenas/64', 'undecided', { passes: 2 }),
      rowFor('arenas/total', 'undecided', { value: null, low: null, high: null, passes: 0 }),
      rowFor('cache/platforms', 'not runnable here', { value: null, low: null, high: null, passes: 0 }),
    ]),
  )
  t.regex(screen, /^source +holds here +dicted line open run {2}it would take$/m)
  t.regex(screen, /^platformatic +1 +2 +1 +1 +2 +- {2}8 threads, Node 22$/m)
  t.regex(screen, /^Huon Wilson +- +- +- +- +- +1$/m)
  t.regex(screen, /^NOT HERE.*\n {2}8 threads: gap\/wide 2\n {2}8 threads and Node 22: pool-size\/faster 0\.66$/m)
})

test('the screen tells a quiet run from one beside other programs', t => {
  t.regex(screenOf(runOf([])), /^quiet: other load above 15 % .* in 1 of 40 windows, 1 taken\s+again$/m)
  t.regex(screenOf(runOf([], { load: { ...quiet, busy: 9 } })), /^NOT QUIET: .* in 9 of 40/m)
  t.regex(screenOf(runOf([], { load: undefined })), /^quiet or not: unknown/m)
  const environment = { ...environmentOf(''), freePageReporting: { order: 9 }, governor: 'powersave' }
  const warned = screenOf(runOf([], { environment }))
  t.regex(warned, /^warning: .* governor is powersave/m)
  t.regex(warned, /^warning: free pages are reported/m)
  const fast = { ...environmentOf(''), freePageReporting: { order: 11 }, governor: 'performance' }
  for (const usual of [runOf([]), runOf([], { environment: fast })]) t.notRegex(screenOf(usual), /warning/)
  const interval = { value: 1.2, low: 1.1, high: 1.3, passes: 4 }
  const comparisons = [
    { name: 'workers', phase: 'first', interval },
    { name: 'processes', phase: 'first', interval: { ...interval, low: 0.9 } },
  ]
  const differing = screenOf(runOf([], { control: { cell: 'a cell', comparisons } }))
  t.regex(differing, /^A\/A control: 1 of 2 comparisons contain 1; first reads, workers: 1\.20\s+\[1\.10,\s+1\.30\]$/m)
})

test('write locks of workers, tuned workers and processes are listed with the predictions of a law', t => {
  const screen = screenOf(runOf([]))
  t.regex(screen, /^mmap_lock taken for writing per 1,000 reads: readFileSync of 64 KiB, k=8$/m)
  for (const name of ['workers', 'workers, tuned', 'processes']) t.regex(screen, new RegExp(`^  ${name} +125 █+$`, 'm'))
  t.regex(screen, /workers 0\.78\s+\(0\.69 to 0\.88\);/)
  t.regex(screen, /^while locks are counted, workers read at 1 of their rate, processes at 1$/m)
  const untraced = runOf([], { cells: runOf([]).cells.map(cell => ({ ...cell, traced: [] })) })
  t.notRegex(screenOf(untraced), /mmap_lock|calibrated/)
})

test('advice lists the claims that hold, the largest effect first', t => {
  const screen = screenOf(
    runOf([
      rowFor('conclusion/tune', 'reproduced', { value: 1.7, low: 1.6, high: 1.8 }),
      rowFor('reuse/faster', 'reproduced', { value: 5, low: 4, high: 6 }),
      rowFor('dubious-gain/inline', 'undecided'),
    ]),
  )
  t.regex(
    screen,
    /^DO, .*\n {2}5\.00 \[4\.00, 6\.00\] +read into one buffer[^[]*\n {2}1\.70 \[1\.60, 1\.80\] +run workers/m,
  )
  t.false(screen.includes('mmapRead()'))
  t.false(screenOf(runOf([rowFor('reuse/faster', 'contradicted')])).includes('DO,'))
})

test('each advice stands at a claim that there is, whose figure is how many times as fast', t => {
  const advised = experiments.flatMap(({ claims }) => claims).filter(({ advice }) => advice)
  t.true(advised.length > 5)
  for (const { id, rule, unit } of advised) {
    t.is(rule.decide({ low: 0.5, high: 0.6 }), 'fails', id)
    t.is(rule.decide({ low: 1000, high: 1001 }), 'holds', id)
    t.regex(unit, / \/ |^times /, id)
  }
})

test('the screen opens report.html and summary.md', t => {
  const run = runOf([rowFor('gap/slower', 'reproduced')])
  const { 'report.html': page, 'summary.md': text } = reports(run)
  const screen = screenOf(run)
  t.true(text.startsWith(`\`\`\`text\n${screen}\n\`\`\`\n`))
  t.true(page.indexOf(screen) > 0 && page.indexOf(screen) < page.indexOf('<h2>'))
})

test('a missing number is printed as a dash everywhere', t => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    t.is(brief(value), '-')
    t.is(formatCount(value), '-')
    t.is(formatInterval({ value, low: null, high: null }), '-')
    t.is(formatMeasured({ value: 1, low: value, high: value, unit: 's' }), '1.00 [-, -] s')
  }
  const samples = samplesOf([plain], ['first', 'traced'])
  for (const sample of samples.filter(({ phase, mode }) => phase === 'traced' && mode === 'workers'))
    sample.members = sample.members.map((_, nth) => ({ operations: nth === 0 ? Number.MIN_VALUE : 0, elapsed: 1 }))
  const cells = [...recordedCells(samples).values()]
  const nothing = runOf([rowFor('gap/slower', 'undecided', { value: null, low: null, high: null })], { cells })
  const written = [screenOf(nothing), ...Object.values(reports(nothing))]
  for (const text of written) t.notRegex(text, /\b(NaN|Infinity|undefined)\b/)
})

test('a run is exported as Markdown, CSV and JSON', t => {
  const folder = temporaryFolder(t)
  const files = Object.fromEntries(['markdown', 'csv', 'json'].map(format => [format, join(folder, `run.${format}`)]))
  const words = Object.entries(files).flatMap(([format, file]) => [`--export-${format}`, file])
  const { exports } = parseOptions(words, experiments)
  const row = rowFor('gap/slower', 'reproduced', {}, 'a reason, with "quotes"')
  const run = runOf([row, rowFor('gap/wide', 'not runnable here', { value: null, low: null, high: null, passes: 0 })])
  beginExports(exports)
  writeExports(exports, run)
  const text = format => readFileSync(files[format], 'utf8')
  t.is(text('markdown'), reports(run)['summary.md'])
  t.deepEqual(JSON.parse(text('json')), run.rows)
  const [head, first, second, end] = text('csv').split('\n')
  t.is(head, 'experiment,id,claim,source,figure,value,low,high,passes,unit,verdict,reason')
  t.true(first.startsWith('gap,gap/slower,"readFileSync of 64 KiB, k=8, '))
  t.true(first.endsWith(',2,1.5,2.5,4,workers / processes,reproduced,"a reason, with ""quotes"""'))
  t.true(second.includes(',,,,0,workers / processes,not runnable here,'))
  t.is(end, '')
})

test('an export that cannot be written is refused before the run, and so is one of several runs', t => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'taken'))
  for (const name of ['taken', 'none/run.csv']) {
    const { exports } = parseOptions(['--export-csv', join(folder, name)], experiments)
    const error = t.throws(() => beginExports(exports), { instanceOf: UsageError })
    t.true(error.message.startsWith('--export-csv: ') && error.message.includes(name))
  }
  const both = () => parseOptions(['--node', '20,22', '--export-csv', 'run.csv'], experiments)
  t.throws(both, { instanceOf: UsageError, message: /'--export-csv <FILE>' cannot be used with option '--node/ })
})

test('without a terminal, progress is an occasional line', async t => {
  const stream = new PassThrough()
  const progress = makeProgress({ stream, every: 5 })
  progress.start(1000)
  progress.begin('the first cell')
  progress.advance(500)
  let text = ''
  while (!text.includes('50 %')) {
    text += stream.read() ?? ''
    await delay(1)
  }
  progress.stop()
  const lines = text.trimEnd().split('\n')
  t.regex(lines[0], /^0 %, 0:01 left/)
  t.regex(lines.at(-1), /^50 %, \d+:\d\d left, the first cell$/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those of a terminal have no place in a file
  t.notRegex(text, /[\u001b\r]/)
})
