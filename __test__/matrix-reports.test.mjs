// The reports of the matrix: estimates, verdicts, a self-contained page, a summary to paste, and folders side by side.

import { execFile } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { experiments } from '../bench/experiments/index.mjs'
import { compareControl } from '../bench/harness/control.mjs'
import { Results } from '../bench/harness/measured.mjs'
import { loadText, OtherLoad, shares } from '../bench/harness/other-load.mjs'
import { lockRatio, locks, ratio } from '../bench/harness/ratios.mjs'
import { addPass, emptyCell, recordedCells, whyNotCounted } from '../bench/harness/recorded.mjs'
import { all, hardwareThreads, nodeFrom, nothingMore } from '../bench/harness/requirements.mjs'
import { estimate, extremeOf, LEAST_PASSES } from '../bench/harness/statistics.mjs'
import { above, atLeast, atMost, below, judge, within } from '../bench/harness/verdict.mjs'
import { reports } from '../bench/report/again.mjs'
import { agreementOf } from '../bench/report/agreement.mjs'
import { controlText } from '../bench/report/control.mjs'
import { decidedShares } from '../bench/report/power.mjs'
import { fitLaw, leaveOneOut, predict } from '../bench/report/predict.mjs'
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
const verdictOf = (rule, interval, more) => {
  const experiment = experimentOf(rule, { passes: LEAST_PASSES, ...interval })
  Object.assign(experiment.claims[0], more)
  const [row] = judge(experiment, { results: new Results([]), size: 'quick', environment: environmentOf('') })
  return row
}

test('fewer passes than a verdict needs decide nothing, however far apart', t => {
  const interval = { value: 0.5, low: 0.49, high: 0.51 }
  t.is(verdictOf(below(0.95), interval).verdict, 'reproduced')
  for (const passes of [1, LEAST_PASSES - 1]) {
    const { verdict, reason } = verdictOf(below(0.95), { ...interval, passes })
    t.is(verdict, 'undecided')
    t.regex(reason, new RegExp(`^${passes} of the ${LEAST_PASSES} passes`))
  }
})

test('a claim that fails on a machine without the requirements of its source is not contradicted', t => {
  const interval = { value: 1.2, low: 1.1, high: 1.3 }
  t.is(verdictOf(below(0.95), interval).verdict, 'contradicted')
  const here = verdictOf(below(0.95), interval, { needs: all(hardwareThreads(8), nodeFrom(22)) })
  t.is(here.verdict, 'not reproduced here')
  t.is(here.reason, 'it needs 8 hardware threads (here 2) and Node 22 or later (here v20)')
  t.is(verdictOf(below(0.95), interval, { source: { ...source, needs: hardwareThreads(2) } }).verdict, 'contradicted')
  const bySource = { source: { ...source, needs: hardwareThreads(8) } }
  t.is(verdictOf(below(0.95), interval, bySource).verdict, 'not reproduced here')
  t.is(verdictOf(below(0.95), interval, { ...bySource, needs: nothingMore }).verdict, 'contradicted')
  t.is(verdictOf(atLeast(0.95), interval, bySource).verdict, 'reproduced')
})

test('no claim of a source with 8 hardware threads is contradicted on 2, but for those on a mechanism', t => {
  const environment = environmentOf('')
  const claims = experiments.flatMap(({ claims }) => claims).filter(({ source }) => source.needs)
  t.true(claims.length > 50)
  for (const { id, needs, source } of claims.filter(({ needs }) => needs !== nothingMore)) {
    t.truthy((needs ?? source.needs)(environment), id)
  }
})

test('for each interval and rule, a verdict holds for all values of the interval', t => {
  const random = seededNumbers(6)
  for (let round = 0; round < 5000; round += 1) {
    const line = 0.5 + random()
    const [low, value, high] = [random(), random(), random()].map(one => 0.4 + 1.2 * one).sort((a, b) => a - b)
    for (const rule of [below(line), above(line), atLeast(line), atMost(line), within(line, line + 0.3)]) {
      const outcome = rule.decide({ low, high })
      if (outcome === 'open') continue
      for (const point of [low, value, high]) {
        const exact = rule.decide({ low: point, high: point })
        if (exact !== outcome) t.fail(`${outcome} by ${rule.text}, but ${exact} at ${point}`)
      }
    }
  }
  t.pass()
})

/** Numbers that are normally distributed. */
const normal = random => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

test('intervals of few passes cover the true value as often as they say', t => {
  const random = seededNumbers(7)
  for (const passes of [2, 3, 4, 6, 12]) {
    const runs = 2000
    let covered = 0
    for (let run = 0; run < runs; run += 1) {
      const { low, high } = estimate(Array.from({ length: passes }, () => [Math.exp(0.2 * normal(random))]))
      if (low <= 1 && 1 <= high) covered += 1
    }
    t.true(Math.abs(covered / runs - 0.95) < 0.02, `${passes} passes: ${covered} of ${runs}`)
  }
})

test('one pass has no interval, passes that are missing are left out, and a ratio over 0 is none', t => {
  t.deepEqual(estimate([[2, 4]]), { value: 3, low: null, high: null, passes: 1 })
  t.is(estimate([[2], undefined, [2]]).passes, 2)
  t.deepEqual(estimate([[0], [0], [0], [0]]), { value: 0, low: 0, high: 0, passes: 4 })
  t.throws(() => estimate([[1], [Number.POSITIVE_INFINITY]]), { code: 'ERR_UNDECIDED' })
  t.throws(() => estimate([]), { code: 'ERR_NOT_MEASURED' })
})

test('the extreme of several quantities lies between the extremes of their ends', t => {
  const intervals = [
    { value: 2, low: 1, high: 5, passes: 4 },
    { value: 3, low: 2, high: 4, passes: 6 },
  ]
  t.deepEqual(extremeOf(intervals, Math.min), { value: 2, low: 1, high: 4, passes: 4 })
  t.deepEqual(extremeOf(intervals, Math.max), { value: 3, low: 2, high: 5, passes: 4 })
})

test('a cell that is measured as if it were two is a check with an interval of its own', t => {
  const cell = { reader: 'readFileSync', size: 128, k: 2 }
  const lines = [cell, { ...cell, twin: true }].flatMap(one =>
    [0, 1, 2, 3].flatMap(pass =>
      ['workers', 'processes'].map(mode => ({
        ...one,
        mode,
        pass,
        phase: 'first',
        round: 0,
        late: 0,
        throughput: one.twin && mode === 'workers' ? 125 + pass : 100,
      })),
    ),
  )
  const control = compareControl([...recordedCells(lines).values()])
  t.deepEqual(
    control.comparisons.map(({ name, phase }) => [name, phase]),
    [
      ['workers', 'first'],
      ['processes', 'first'],
      ['workers / processes', 'first'],
    ],
  )
  t.regex(
    controlText(control),
    /workers 1\.26 \[1\.24, 1\.29\] \(differs\); first reads, processes 1\.00 \[1\.00, 1\.00\]/,
  )
})

test('a window in which a worker never ran, began late or met other load does not count', t => {
  const members = [{ operations: 3 }, { operations: 2 }]
  t.is(whyNotCounted({ late: 0, members }), undefined)
  t.regex(whyNotCounted({ late: 3, members }), /too late/)
  t.regex(whyNotCounted({ late: 0, members: [{ operations: 3 }, { operations: 0 }] }), /did not run/)
  t.is(whyNotCounted({ late: 0, members, discarded: 'other load' }), 'other load')
})

test('the CPU time of others is the busy time of the processors minus ours', t => {
  const before = { at: 1000, busy: 500, stolen: 0 }
  const after = { at: 1200, busy: 800, stolen: 40 }
  t.deepEqual(shares(before, after, 200, 2), { foreign: 0.25, stolen: 0.1 })
  const load = new OtherLoad()
  const usage = own => ({ usage: { userMs: own, systemMs: 0 } })
  t.is(load.reasonAgainst(before, { ...after, stolen: 0 }, usage(300)), undefined)
  t.regex(load.reasonAgainst(before, { ...after, stolen: 0 }, usage(0)), /took \d+ % of the processors/)
  t.is(load.reasonAgainst(before, { ...after, at: 1010 }, usage(0)), undefined, 'too short to be told by ticks')
  t.is(loadText(load), 'NOT QUIET: other load above 15 % of the processors in 1 of 2 windows, 1 taken again')
})

test('the law is fitted to rows that follow it, and each is predicted by the others', t => {
  const rows = [0.1, 0.5, 0.9, 2].map(writes => ({ writes, ratio: 0.9 * Math.exp(-0.3 * writes) }))
  const { floor, slope } = fitLaw(rows)
  t.deepEqual([floor.toFixed(9), slope.toFixed(9)], ['0.900000000', '0.300000000'])
  const { law, constant } = leaveOneOut(rows)
  t.true(law.every(error => Math.abs(error) < 1e-9))
  t.true(constant.some(error => Math.abs(error) > 0.2))
})

test('a prediction needs counts, and is for the threads that the law was fitted to', async t => {
  const folder = fileURLToPath(new URL('../bench/results/2026-11-22-vm.1', import.meta.url))
  const printed = predict([folder, '--cores', '8'])
  t.regex(printed, /^ +0\.\d\d +0\.54 +\d\.\d\d +readFileSync, 64 KiB, k=8$/m)
  t.regex(printed, /^each row left out in turn: \d of 7 within 15 %/m)
  t.true(printed.split('\n').every(line => line.length <= 90))
  t.throws(() => predict([folder, '--cores', '16']), { message: /fitted to 8 hardware threads/ })
  t.throws(() => predict([]), { message: /takes a folder/ })
  t.throws(() => predict([reused]), { message: /no locks counted/ })
})

test('a slow-down is found the more often the larger it is and the more passes there are', t => {
  const random = seededNumbers(8)
  const differences = Array.from({ length: 40 }, () => 0.1 * normal(random))
  const { slower, faster } = decidedShares(differences, 6, 0)
  t.true(slower + faster < 0.1, `${slower + faster} false verdicts`)
  const found = (passes, by) => decidedShares(differences, passes, by).slower
  t.true(found(24, 0.1) > found(6, 0.1) && found(6, 0.1) > found(6, 0.03))
  t.true(found(24, 0.1) > 0.9)
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
  return { environment, rows, cells: measured, control: compareControl(measured), texts: {} }
}

test('each claim about cells can be judged once they are measured', t => {
  for (const experiment of experiments.filter(({ measure }) => !measure)) {
    const lines = samplesOf(experiment.variants('full'), ['first', 'steady', 'traced'])
    const results = new Results([...recordedCells(lines).values()])
    for (const { claim, mistake, reason } of judge(experiment, {
      results,
      size: 'full',
      environment: environmentOf(''),
    })) {
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
      ['undecided', true],
      ['reproduced', undefined],
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
  t.is(figures.length, 11)
  for (const figure of figures) {
    t.true(figure.includes('<code>zx bench/matrix.mjs &lt;gap&gt;</code>'))
    t.true(figure.includes('2 cores of a processor'))
  }
  t.regex(page, /prefers-color-scheme: dark/)
  t.regex(page, /width=device-width/)
  t.notRegex(page, /#0102/)
  t.false(page.includes('NaN') || page.includes('undefined'))
})

test('the tables of summary.md are not broken by cells with bars', t => {
  const { 'summary.md': text } = reports(madeUp())
  t.true(text.includes('one \\| thing'))
  t.true(text.includes('1 reproduced'))
  const tables = text.split('\n\n').filter(part => part.startsWith('|'))
  t.is(tables.length, 3)
  for (const table of tables) {
    const widths = table
      .trimEnd()
      .split('\n')
      .map(row => row.replaceAll('\\|', '').split('|').length)
    t.deepEqual(new Set(widths).size, 1, table)
  }
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
    measured(second, 0.9, 1, 1.1, 'contradicted'),
    ...rows,
  ])
  change(b, 'summary.json', ([first, second, ...rows]) => [
    measured(first, 0.8, 1.05, 1.08, 'reproduced'),
    measured(second, 0.95, 1.2, 1.4, 'reproduced'),
    ...rows,
  ])
  const { stdout } = await run(process.execPath, [matrix, 'compare', a, b])
  t.regex(stdout, /^node: A v.*; B v99\.0\.0$/m)
  t.regex(
    stdout,
    /^reuse\/faster \(.*\): A 1\.00 \[0\.90,\s+1\.10\]\s+undecided;\s+B 1\.05\s+\[0\.80,\s+1\.08\]\s+reproduced;\s+1\.05/m,
  )
  t.regex(stdout, /^the same verdict for 2 of 4 claims \(50 %\)\ndecided in one and not in another: 1 reuse\/faster$/m)
  t.regex(stdout, /^reproduced in one and not in another: 1 reuse\//m)
  t.regex(stdout, /^the estimate of one in the interval of another: 75 % of 4 \(/m)

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
  for (const pass of [0, 1, 2, 3]) addPass(measured, pass, { workers: one(100), processes: one(200) })
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
    ['not runnable here', 'reproduced'],
  )
  t.is(rows[0].reason, 'bpftrace is not installed')
})

test('runs whose intervals end at the line of a claim are expected to differ, and longer ones to agree', t => {
  const names = ['A', 'B', 'C']
  // The limit of this claim is 0.95, where these intervals end, so each run decides it by chance.
  const row = {
    claim: { id: 'gap/slower' },
    measured: { low: 0.778, value: 0.86, high: 0.9501 },
    verdict: 'reproduced',
  }
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

test('the measurements of an experiment are in its folder, and the run prints one screen', async t => {
  const out = temporaryFolder(t)
  const { stdout } = await run(process.execPath, [matrix, 'dubious-gain', '--toy', '--out', out])
  const folder = join(out, readdirSync(out)[0])
  t.false(existsSync(join(reused, 'reuse.txt')), 'one that measures nothing of its own has no such file')
  const text = readFileSync(join(folder, 'dubious-gain.txt'), 'utf8')
  t.true(readFileSync(join(folder, 'report.html'), 'utf8').includes(text.split('\n')[0]))
  t.false(stdout.includes(text.split('\n')[0]))
  const lines = stdout.trimEnd().split('\n')
  t.true(lines.length <= 50, `${lines.length} lines`)
  t.is(lines.at(-1), `results: ${relative('', folder)}, with report.html and summary.md`)
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
