// An interrupted run of the matrix: its samples are kept and continued, and the machine is restored.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { cellKey } from '../bench/harness/cells.mjs'
import { currentHugePages, noHugePages } from '../bench/harness/huge-pages.mjs'
import { measureTrials, Trials } from '../bench/harness/trials.mjs'
import { temporaryFolder } from './helpers/files.mjs'
import { required } from './helpers/rig.mjs'

const matrix = fileURLToPath(new URL('../bench/matrix.mjs', import.meta.url))
const run = promisify(execFile)

/** Starts a run, and sends it a signal as soon as something holds. */
async function interrupted(t, words, signal, holds) {
  const child = spawn(process.execPath, [matrix, ...words], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit')
  while (!holds()) {
    t.is(child.exitCode, null, 'it ended before it could be interrupted')
    await delay(2)
  }
  child.kill(signal)
  return exit
}

const linesOf = folder => {
  const samples = join(folder, 'samples.jsonl')
  return existsSync(samples) ? readFileSync(samples, 'utf8').split('\n').slice(0, -1) : []
}

test.serial('an interrupted run is resumed: no sample is lost, and none is taken twice', async t => {
  const out = temporaryFolder(t)
  const folder = () => join(out, readdirSync(out)[0] ?? '')
  const [code] = await interrupted(t, ['gap', '--toy', '--out', out], 'SIGINT', () => linesOf(folder()).length >= 4)
  t.is(code, 130)
  t.false(existsSync(join(folder(), 'summary.json')))
  const before = linesOf(folder())

  await run(process.execPath, [matrix, '--resume', folder()])
  t.is(readdirSync(out).length, 1)
  const after = linesOf(folder())
  t.deepEqual(after.slice(0, before.length), before)
  const counted = after.map(JSON.parse).filter(({ late, phase }) => phase === 'traced' || late <= 2)
  const places = counted.map(line => [cellKey(line), line.mode, line.pass, line.phase, line.round].join())
  // In the interrupted cell, the measured mode is repeated together with the other one.
  t.true(places.length - new Set(places).size <= 1)
  t.true(existsSync(join(folder(), 'summary.json')))
  t.true(existsSync(join(folder(), 'report.html')))

  const again = await t.throwsAsync(run(process.execPath, [matrix, '--resume', folder()]))
  t.is(again.code, 2)
  t.regex(again.stderr, /^matrix: .* is finished: there is nothing to resume\n$/)
})

test.serial('a folder that is none, and a resumed run that is asked for other experiments, are refused', async t => {
  const none = await t.throwsAsync(run(process.execPath, [matrix, '--resume', '/no/such/folder']))
  t.is(none.code, 2)
  t.regex(none.stderr, /^matrix: \/no\/such\/folder is no folder of results: .*\n$/)
  const more = await t.throwsAsync(run(process.execPath, [matrix, 'gap', '--resume', '/no/such/folder']))
  t.is(more.code, 2)
  t.regex(more.stderr, /name none/)
})

for (const signal of ['SIGINT', 'SIGKILL']) {
  required(noHugePages()).serial(
    `the mode of huge pages is put back when thp is ended half way by ${signal}`,
    async t => {
      const before = currentHugePages()
      const out = temporaryFolder(t)
      await interrupted(t, ['thp', '--toy', '--out', out], signal, () => currentHugePages() !== before)
      // After SIGKILL, the guard process cleans up by itself, which may take a moment.
      for (let wait = 0; currentHugePages() !== before && wait < 1000; wait += 1) await delay(10)
      t.is(currentHugePages(), before)
    },
  )
}

test('an experiment that measures trials takes none again that are on record, each stage its own', async t => {
  const took = []
  const place = { work: 'work', way: 'way' }
  const recorded = [
    { ...place, pass: 0, round: 0, rate: 1 },
    { ...place, pass: 0, round: 0, rate: 2 },
    { ...place, pass: 0, round: 1, rate: 3 },
    { ...place, pass: 1, error: 'it was interrupted' },
  ]
  const progress = { begin() {}, advance() {} }
  const context = { signal: new AbortController().signal, record: sample => took.push(sample), recorded, progress }
  const stage = passes => {
    const run = async () => [{ rate: 4 }]
    const ways = [{ id: 'way', label: 'a way', passes, rounds: 1, milliseconds: 1, run }]
    return new Trials([{ id: 'work', title: 'a work', unit: '1/s', value: ({ rate }) => rate, ways }])
  }
  const rates = trials => trials.samples('work', 'way').map(rounds => rounds.map(({ rate }) => rate))
  const [first, second] = [stage(1), stage(2)]
  await measureTrials(first, context)
  await measureTrials(second, context)
  t.deepEqual(rates(first), [[1]])
  t.deepEqual(rates(second), [[2, 3], [4]])
  t.deepEqual(took, [{ ...place, pass: 1, round: 0, rate: 4 }])
})
