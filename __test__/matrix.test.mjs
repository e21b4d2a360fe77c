// The command line of the benchmark matrix; its answers are verified by its own run at toy size.

import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { parseOptions } from '../bench/harness/options.mjs'
import { makeRun } from '../bench/harness/results.mjs'
import { VERDICTS } from '../bench/harness/verdict.mjs'
import { temporaryFolder } from './helpers/files.mjs'
import { environmentOf } from './helpers/runs.mjs'

const matrix = fileURLToPath(new URL('../bench/matrix.mjs', import.meta.url))
const run = promisify(execFile)

for (const [words, line] of [
  [['reuze'], "matrix: unknown experiment 'reuze', the nearest is 'reuse'\n"],
  [['--quik'], "matrix: unknown option '--quik', the nearest is '--quick'\n"],
]) {
  test(`${words}: refused in one line that names the nearest name, with exit code 2`, async t => {
    const { code, stdout, stderr } = await t.throwsAsync(run(process.execPath, [matrix, ...words]))
    t.deepEqual({ code, stdout, stderr }, { code: 2, stdout: '', stderr: line })
  })
}

test('--json prints the summary to standard output and nothing else there; a folder keeps all of it', async t => {
  const out = temporaryFolder(t)
  const { stdout } = await run(process.execPath, [matrix, 'gap', '--toy', '--json', '--out', out])
  const rows = JSON.parse(stdout)
  t.true(rows.length > 0)
  for (const row of rows) {
    t.deepEqual(Object.keys(row), ['experiment', 'claim', 'source', 'measured', 'verdict', 'reason'])
    t.deepEqual(Object.keys(row.measured), ['value', 'low', 'high', 'passes', 'unit'])
    t.true(VERDICTS.includes(row.verdict))
  }
  const [folder] = readdirSync(out)
  t.deepEqual(JSON.parse(readFileSync(join(out, folder, 'summary.json'), 'utf8')), rows)
  const samples = readFileSync(join(out, folder, 'samples.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map(JSON.parse)
  t.true(samples.some(({ reader, mode }) => reader === 'readInto' && mode === 'workers'))
  t.true(existsSync(join(out, folder, 'environment.json')))
})

test('a quick run has the brief experiments, a full run all but the long ones, and a run with names only these', t => {
  const experiments = [{ id: 'first', brief: true }, { id: 'short' }, { id: 'long', named: true }]
  const ids = (...words) => {
    const { chosen, leftOut } = parseOptions(words, experiments)
    return [chosen, leftOut].map(list => list.map(({ id }) => id))
  }
  t.deepEqual(ids(), [['first'], ['short', 'long']])
  t.deepEqual(ids('--full'), [['first', 'short'], ['long']])
  t.deepEqual(ids('long'), [['long'], []])
  t.deepEqual(ids('--toy'), [['first', 'short', 'long'], []])
})

test('a second run gets a folder of its own', t => {
  const out = temporaryFolder(t)
  const [first, second] = [1, 2].map(() => makeRun(out, environmentOf('zx bench/matrix.mjs gap')).folder)
  t.not(first, second)
  t.is(readdirSync(out).length, 2)
  for (const folder of [first, second]) t.true(existsSync(join(folder, 'environment.json')))
})

// Seen to fail: when the harness queried the package for the properties of the machine.
test('a program that measures other packages does not load this one', async t => {
  for (const program of ['trial', 'member', 'group', 'peers', 'readers', 'works']) {
    const url = new URL(`../bench/programs/${program}.mjs`, import.meta.url)
    const look = `
      import { readFileSync } from 'node:fs'
      process.argv[2] = '{}'
      await import(${JSON.stringify(String(url))}).catch(() => {})
      console.log(readFileSync('/proc/self/maps', 'utf8').includes('faultless.'))
      process.exit()`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', look])
    t.is(stdout.trim().split('\n').at(-1), 'false', program)
  }
})

// Seen to fail: under zx, the path of the script was used as the name of the method.
for (const runner of [[], ['node_modules/zx/build/cli.js']]) {
  test(`profile, by ${runner.length > 0 ? 'zx' : 'node'}: an unknown method is refused by its name`, async t => {
    const root = fileURLToPath(new URL('../', import.meta.url))
    const words = [...runner, 'bench/profile.mjs', 'nothing']
    const failure = await t.throwsAsync(promisify(execFile)(process.execPath, words, { cwd: root }))
    t.regex(failure.stderr, /'nothing' is invalid for argument 'way'/)
  })
}
