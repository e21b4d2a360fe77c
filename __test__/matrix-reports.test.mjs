// What the matrix makes of its samples: verdicts no stronger than the noise, one page that needs nothing else, a summary to
// be pasted, and folders side by side.

import { execFile } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { experiments } from '../bench/experiments/index.mjs'
import { Results } from '../bench/harness/measured.mjs'
import { noiseOf } from '../bench/harness/noise.mjs'
import { lockRatio, locks, ratio } from '../bench/harness/ratios.mjs'
import { addPass, emptyCell, recordedCells } from '../bench/harness/recorded.mjs'
import { atLeast, atMost, below, judge, within, withNoise } from '../bench/harness/verdict.mjs'
import { reports } from '../bench/report/again.mjs'
import { agreementOf } from '../bench/report/agreement.mjs'
import { seededNumbers, temporaryFolder } from './helpers/files.mjs'
import { environmentOf, samplesOf } from './helpers/runs.mjs'

const matrix = fileURLToPath(new URL('../bench/matrix.mjs', import.meta.url))
const run = promisify(execFile)

let reused

test.before(async () => {
  const out = temporaryFolder()
  await run(process.execPath, [matrix, 'reuse', '--toy', '--out', out])
  reused = join(out, readdirSync(out)[0])
})

/** Copies of the folder of one short run. */
function foldersOfARun(t, count) {
  const out = temporaryFolder(t)
  const folders = Array.from({ length: count }, (_, index) => join(out, `run-${index}`))
  for (const folder of folders) cpSync(reused, folder, { recursive: true })
  return folders
}

const source = { title: 'a title', author: 'somebody' }
const experimentOf = (rule, interval) => ({
  id: 'thing',
  variants: () => [],
  claims: [
    { id: 'thing/claim', source, text: 'one | thing', figure: '2', unit: 'times', rule, measure: () => interval },
  ],
})
const verdictOf = (rule, interval, noise) => {
  const [row] = judge(experimentOf(rule, interval), { results: new Results([]), size: 'quick', noise })
  return row
}

test('a verdict that the noise could have made is inconclusive, and a count has no noise', t => {
  const noise = { factor: { first: 1.1 }, comparisons: [] }
  const interval = { value: 0.9, low: 0.88, high: 0.92 }
  t.is(verdictOf(below(0.95), { ...interval, timed: 'first' }).verdict, 'confirmed')
  const noisy = verdictOf(below(0.95), { ...interval, timed: 'first' }, noise)
  t.is(noisy.verdict, 'inconclusive')
  t.regex(noisy.reason, /noise of 10 %/)
  t.deepEqual(noisy.measured, { ...interval, unit: 'times' })
  t.is(verdictOf(below(0.95), { ...interval, timed: 'steady' }, noise).verdict, 'confirmed')
  t.is(verdictOf(below(0.95), interval, noise).verdict, 'confirmed')
})

test('whatever the interval, the rule and the noise: what is decided holds for everything within the noise', t => {
  const random = seededNumbers(6)
  for (let round = 0; round < 5000; round += 1) {
    const line = 0.5 + random()
    const [low, value, high] = [random(), random(), random()].map(one => 0.4 + 1.2 * one).sort((a, b) => a - b)
    const noise = { factor: { first: 1 + random() / 2 }, comparisons: [] }
    const interval = { low, value, high, timed: 'first' }
    for (const rule of [below(line), atLeast(line), atMost(line), within(line, line + 0.3)]) {
      const { verdict } = verdictOf(rule, interval, noise)
      if (verdict === 'inconclusive') continue
      const wide = withNoise(interval, noise)
      t.true(wide.low <= low && wide.high >= high)
      for (const point of [wide.low, value, wide.high]) {
        const exact = rule.decide({ low: point, value: point, high: point })
        if (exact !== verdict) t.fail(`${verdict} by ${rule.text}, but ${exact} at ${point}`)
      }
    }
  }
})

test('the noise is how far two measurements of the same came apart', t => {
  const sample = throughput => ({ throughput })
  const pairs = (workers, processes) => [[{ workers: sample(workers), processes: sample(processes) }]]
  const cell = { reader: 'readFileSync', size: 128, k: 2 }
  const lines = [cell, { ...cell, twin: true }].flatMap(one =>
    pairs(one.twin ? 100 : 125, 100)[0].flatMap(pair =>
      Object.entries(pair).map(([mode, found]) => ({
        ...one,
        mode,
        pass: 0,
        phase: 'first',
        round: 0,
        late: 0,
        ...found,
      })),
    ),
  )
  const noise = noiseOf([...recordedCells(lines).values()])
  t.is(noise.factor.first, 1.25)
  t.is(noise.factor.steady, undefined)
})

/** A run that never was. */
function madeUp() {
  const cells = [1, 8].flatMap(k => [
    { reader: 'readFileSync', size: 65536, k },
    { reader: 'readFileSync', size: 65536, k, poolSize: 262144 },
    { reader: 'readInto', size: 65536, k },
    { reader: 'readFileSync', size: 1048576, k },
    { reader: 'readFileSync', size: 8192, k },
    { reader: 'readFileSync', size: 8192, k, poolSize: 262144 },
    { reader: 'readFileSync', size: 16384, k },
    { reader: 'readFileSync', size: 16384, k, poolSize: 262144 },
  ])
  const measured = [...recordedCells(samplesOf(cells, ['first', 'traced'])).values()]
  const environment = environmentOf('zx bench/matrix.mjs <gap>')
  const row = verdictOf(below(2), { value: 1, low: 0.5, high: 1.5 })
  const rows = [{ ...row, experiment: 'gap' }]
  return { environment, rows, cells: measured, noise: noiseOf(measured) }
}

test('each claim about cells can be judged once they are measured', t => {
  for (const experiment of experiments.filter(({ measure }) => !measure)) {
    const lines = samplesOf(experiment.variants('full'), ['first', 'steady', 'traced'])
    const results = new Results([...recordedCells(lines).values()])
    for (const { claim, mistake, reason } of judge(experiment, { results, size: 'full' })) {
      t.falsy(mistake, `${claim.id}: ${reason}`)
    }
  }
})

test('a claim whose rule fails is a row of its own, and the others are judged', t => {
  const [claim] = experimentOf(below(1), { value: 0.5, low: 0.4, high: 0.6 }).claims
  const broken = { ...claim, measure: () => undefined.nothing }
  const rows = judge({ ...experimentOf(), claims: [broken, claim] }, { results: new Results([]), size: 'quick' })
  t.deepEqual(
    rows.map(({ verdict, mistake }) => [verdict, mistake]),
    [
      ['inconclusive', true],
      ['confirmed', undefined],
    ],
  )
})

test('report.html needs nothing but itself, and each figure bears its command and its machine', t => {
  const { 'report.html': page } = reports(madeUp())
  t.notRegex(page, /<(script|link|img|iframe|object|embed)\b/)
  t.notRegex(page, /\b(src|href|xlink:href)=|@import|url\((?!#)/)
  const addresses = page.match(/https?:\/\/[^"'\s<]*/g) ?? []
  t.deepEqual(
    [...new Set(addresses)].filter(address => !address.startsWith('http://www.w3.org/')),
    [],
  )
  const figures = page.match(/<figure>[\s\S]*?<\/figure>/g)
  t.is(figures.length, 10)
  for (const figure of figures) {
    t.true(figure.includes('<code>zx bench/matrix.mjs &lt;gap&gt;</code>'))
    t.true(figure.includes('2 cores of a processor'))
  }
  t.regex(page, /prefers-color-scheme: dark/)
  t.regex(page, /width=device-width/)
  t.notRegex(page, /#0102/)
  t.false(page.includes('NaN') || page.includes('undefined'))
})

test('summary.md is a table that cells with bars do not break', t => {
  const { 'summary.md': text } = reports(madeUp())
  t.true(text.includes('one \\| thing'))
  t.true(text.includes('1 confirmed'))
  const rows = text.split('\n').filter(line => line.startsWith('|'))
  for (const row of rows) t.is(row.replaceAll('\\|', '').split('|').length, 7)
})

test('compare sets folders side by side, and counts on how many claims they agree', async t => {
  const [a, b] = foldersOfARun(t, 2)
  const change = (folder, file, edit) => {
    const path = join(folder, file)
    writeFileSync(path, JSON.stringify(edit(JSON.parse(readFileSync(path, 'utf8')))))
  }
  change(b, 'environment.json', environment => ({ ...environment, node: 'v99.0.0' }))
  const measured = (row, low, value, high, verdict = row.verdict) => ({
    ...row,
    measured: { ...row.measured, low, value, high },
    verdict,
  })
  change(a, 'summary.json', ([first, second, ...rows]) => [
    measured(first, 0.9, 1, 1.1),
    measured(second, 0.9, 1, 1.1, 'refuted'),
    ...rows,
  ])
  change(b, 'summary.json', ([first, second, ...rows]) => [
    measured(first, 0.8, 1.05, 1.08, 'confirmed'),
    measured(second, 0.95, 1.2, 1.4, 'confirmed'),
    ...rows,
  ])
  const { stdout } = await run(process.execPath, [matrix, 'compare', a, b])
  t.regex(stdout, /node .*v99\.0\.0/)
  t.regex(stdout, /reuse\/faster .*inconclusive .*confirmed/)
  t.regex(stdout, /^the same verdict for 2 of 4 claims \(50 %\)\ndecided in one and not in another: 1 reuse\/faster$/m)
  t.regex(stdout, /^confirmed in one and refuted in another: 1 reuse\//m)
  t.regex(stdout, /^the median of one in the interval of another: 75 % of 4 \(/m)

  const three = await run(process.execPath, [matrix, 'compare', a, b, a])
  t.regex(
    three.stdout,
    /^ {2}A and B: 2 of 4 claims \(50 %\)\n {2}A and C: 4 of 4 claims \(100 %\)\n {2}B and C: 2 of 4/m,
  )

  const alone = await t.throwsAsync(run(process.execPath, [matrix, 'compare', a]))
  t.is(alone.code, 2)
  const none = await t.throwsAsync(run(process.execPath, [matrix, 'compare', a, join(a, 'none')]))
  t.is(none.code, 2)
  t.regex(none.stderr, /is no folder of results/)
})

test('where locks cannot be counted, claims on them say so with the reason, and the others are judged', t => {
  const cell = { reader: 'readFileSync', size: 128, k: 2 }
  const measured = { ...emptyCell(cell), untraced: 'bpftrace is not installed' }
  const one = throughput => ({ first: [{ throughput }] })
  addPass(measured, 0, { workers: one(100), processes: one(200) })
  const claim = (id, measure) => ({ id, text: id, figure: '1', source: {}, unit: 'times', rule: below(0.95), measure })
  const claims = [
    claim('waits', results => lockRatio(results.locks(cell), locks.writeWait)),
    claim('slower', results => ratio(results.cell(cell), 'first')),
  ]
  const rows = judge(
    { id: 'made-up', claims, variants: () => [cell] },
    { results: new Results([measured]), size: 'full' },
  )
  t.deepEqual(
    rows.map(({ verdict }) => verdict),
    ['not runnable here', 'confirmed'],
  )
  t.is(rows[0].reason, 'bpftrace is not installed')
})

test('runs whose intervals end at the line of a claim are expected to differ, and longer ones to agree', t => {
  const names = ['A', 'B', 'C']
  // The line of this claim is 0.95, where these intervals end: each run decides it as a coin would.
  const row = { claim: { id: 'gap/slower' }, measured: { low: 0.778, value: 0.86, high: 0.9501 }, verdict: 'confirmed' }
  const far = { ...row, measured: { low: 0.5, value: 0.51, high: 0.52 } }
  const counted = { ...row, measured: { low: 0, value: 0, high: 0 } }
  const told = agreementOf({ names, rows: names.map(() => [row]) })
  t.regex(told, /^to be expected by chance of runs like these: 0 of 1 claims/m)
  t.regex(told, /^to be expected by chance of runs 4 times as long: 1 of 1 claims/m)
  for (const sure of [far, counted]) {
    t.regex(agreementOf({ names, rows: names.map(() => [sure]) }), /of runs like these: 1 of 1 claims \(100 %\)$/m)
  }
  t.regex(agreementOf({ names, rows: [[row], [row], []] }), /^the same verdict for 0 of 0 claims \(- %\)$/m)
})

test('what an experiment measured for itself stands in the folder as it was printed', async t => {
  const out = temporaryFolder(t)
  const { stdout } = await run(process.execPath, [matrix, 'dubious-gain', '--toy', '--out', out])
  const folder = join(out, readdirSync(out)[0])
  t.false(existsSync(join(reused, 'reuse.txt')), 'one that measures nothing of its own has no such file')
  const text = readFileSync(join(folder, 'dubious-gain.txt'), 'utf8')
  t.true(text.startsWith('dubious-gain: '))
  t.true(stdout.includes(text))
})

test('the reports of a folder are written anew from its samples, also where these are compressed', async t => {
  const [folder] = foldersOfARun(t, 1)
  const before = readFileSync(join(folder, 'report.html'), 'utf8')
  await run(process.execPath, [matrix, 'shrink', folder])
  t.deepEqual(readdirSync(folder).sort(), ['environment.json', 'samples.jsonl.gz', 'summary.json'])
  await run(process.execPath, [matrix, 'report', folder])
  t.true(existsSync(join(folder, 'summary.md')))
  t.is(readFileSync(join(folder, 'report.html'), 'utf8'), before)
})

test('a run that is not finished is not shrunk', async t => {
  const [folder] = foldersOfARun(t, 1)
  rmSync(join(folder, 'summary.json'))
  const { code, stderr } = await t.throwsAsync(run(process.execPath, [matrix, 'shrink', folder]))
  t.is(code, 2)
  t.regex(stderr, /has no summary/)
  t.true(existsSync(join(folder, 'samples.jsonl')))
})
