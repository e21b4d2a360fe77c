// The tables in README.md and docs match the quoted folders of results, and are up to date.

import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { experiments } from '../bench/experiments/index.mjs'
import { shrinkRuns } from '../bench/harness/results.mjs'
import { writeQuotes } from '../bench/report/readme.mjs'
import { codeBlocks } from './helpers/code-blocks.mjs'
import { temporaryFolder } from './helpers/files.mjs'
import { environmentOf } from './helpers/runs.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = fileURLToPath(new URL('../bench/report/readme.mjs', import.meta.url))
const run = promisify(execFile)

const blocks = {
  'README.md': '# A\n\n<!-- matrix:begin gap/slower reuse/ratio -->\n<!-- matrix:end -->\n\nafter\n',
  'docs/one.md':
    '<!-- matrix:begin reuse -->\nold\n<!-- matrix:end -->\n\n<!-- matrix:begin api -->\n<!-- matrix:end -->\n',
  'docs/rest.md': '<!-- matrix:begin -->\n<!-- matrix:end -->\n',
}

/** A repository of documents and folders of results. */
function repository(t, documents = blocks) {
  const root = temporaryFolder(t)
  for (const folder of ['docs', 'bench/results']) mkdirSync(join(root, folder), { recursive: true })
  for (const [name, text] of Object.entries(documents)) writeFileSync(join(root, name), text)
  return {
    root,
    results(name, claims) {
      const folder = join(root, 'bench/results', name)
      mkdirSync(folder, { recursive: true })
      const environment = environmentOf(`zx bench/matrix.mjs ${name}`)
      const rows = Object.entries(claims).map(([id, value]) => ({
        experiment: id.split('/')[0],
        claim: { id, text: `claim | ${id}`, figure: '2' },
        source: { title: 'a title', author: 'some | body' },
        measured: { value, low: value - 0.25, high: value + 0.25, unit: 'times' },
        verdict: 'reproduced',
        reason: 'a rule',
      }))
      writeFileSync(join(folder, 'environment.json'), JSON.stringify(environment))
      writeFileSync(join(folder, 'summary.json'), JSON.stringify(rows))
      return folder
    },
    text: name => readFileSync(join(root, name), 'utf8'),
    write: (...folders) => writeQuotes(root, folders),
    check: (...folders) => writeQuotes(root, folders, true),
    /** The same as a program. */
    byProgram: (...args) => run(process.execPath, [program, '--root', root, ...args]),
  }
}

test('the table that an experiment wrote is between its markers, with its origin', async t => {
  const { results, text, write } = repository(t, {
    'README.md': '<!-- matrix:begin audit.md -->\n<!-- matrix:end -->\n',
  })
  write()
  t.true(text('README.md').includes('No run of `audit` is committed; `npx zx bench/matrix.mjs audit --full` measures.'))
  const folder = results('first', { 'audit/tuned': 0.125 })
  writeFileSync(join(folder, 'audit.md'), '| call | first |\n| --- | --- |\n| one | 2 |\n')
  write(folder)
  t.regex(
    text('README.md'),
    /`audit` by `zx bench\/matrix\.mjs first`[\s\S]*\n\| call \| first \|\n\| --- \| --- \|\n\| one \| 2 \|\n<!--/,
  )
})

test('several folders fill several documents, each linked from where it is quoted', t => {
  const { results, text, write } = repository(t)
  write(results('first', { 'gap/slower': 1.5, 'gap/wide': 3 }), results('second', { 'reuse/ratio': 2.5 }))

  const readme = text('README.md')
  // The text is that of the experiment, so that it can be improved without a new run.
  const [{ text: slower }, { text: wide }] = experiments.find(({ id }) => id === 'gap').claims
  t.true(readme.includes(`| ${slower} (\`gap\`) | some \\| body: 2 | 1.50 [1.25, 1.75] times | reproduced |`))
  t.regex(readme, /\| 64 KiB, k=8, .* \(`reuse`\) \|/)
  t.notRegex(readme, /gap\/wide \|/)
  t.true(readme.includes('`gap` by `zx bench/matrix.mjs first` at commit 0123456789 ([samples](bench/results/first/'))
  t.true(readme.includes('All 3 claims of committed runs: 3 reproduced.'))
  t.true(readme.startsWith('# A\n\n<!-- matrix:begin gap/slower reuse/ratio -->\n'))
  t.true(readme.endsWith('<!-- matrix:end -->\n\nafter\n'))

  const one = text('docs/one.md')
  t.false(one.includes('old'))
  t.true(one.includes('([samples](../bench/results/second/samples.jsonl)'))
  t.true(one.includes('No run of `api` is committed; `npx zx bench/matrix.mjs api --full` measures.'))

  const rest = text('docs/rest.md')
  t.true(rest.includes(wide) && !rest.includes('(`reuse`) |'))
  t.true(rest.includes('\n### Worker threads against processes (`gap`)\n'))
  t.true(rest.includes('| [Worker threads against processes](#worker-threads-against-processes-gap) | Are '))
  t.regex(rest, /\| \[A reused buffer\]\(one\.md#a-reused-buffer-reuse\) \| .* \| 1 reproduced \|/)
})

test('a newer folder counts for the experiments that it has, and the others stay', t => {
  const { results, text, write } = repository(t)
  write(results('first', { 'gap/slower': 1.5, 'reuse/ratio': 2.5 }))
  write(results('second', { 'reuse/ratio': 4.5 }))
  t.true(text('README.md').includes('1.50 [') && text('README.md').includes('4.50 ['))
  t.deepEqual(JSON.parse(text('bench/results/quoted.json')), {
    gap: 'bench/results/first',
    reuse: 'bench/results/second',
  })
})

const PICTURE = '# A\n\n<!-- matrix:begin event-loop.svg -->\n<!-- matrix:end -->'

test('a picture is drawn from the samples, and shown where there are any', async t => {
  const { root, results, text, byProgram } = repository(t, {
    'README.md': `${PICTURE}\n`,
    'docs/origins.md': '<!-- matrix:begin cache/cold-delay -->\n<!-- matrix:end -->\n',
  })
  // As a program: pictures that are drawn in one process have different names of classes.
  await byProgram(results('first', { 'gap/slower': 1.5 }))
  t.is(text('README.md'), `${PICTURE}\n`)

  const cache = results('second', { 'cache/cold-delay': 1.5 })
  const sample = { experiment: 'cache', work: 'cold', milliseconds: 2000, rate: 2 ** 30, delay: { p99: 1 } }
  const samples = ['mmap async', 'chunks'].map(way => JSON.stringify({ ...sample, way, course: [1, 2, 1] }))
  writeFileSync(join(cache, 'samples.jsonl'), `${samples.join('\n')}\n`)
  await byProgram(cache)
  t.true(text('docs/origins.md').includes('(../bench/results/second/samples.jsonl)'))
  const picture = text('docs/event-loop.svg')
  t.regex(shrinkRuns([cache]), /samples are compressed/)
  t.deepEqual(readdirSync(cache).sort(), ['environment.json', 'samples.jsonl.gz', 'summary.json'])
  await byProgram()
  t.is(text('docs/event-loop.svg'), picture)
  t.true(text('docs/origins.md').includes('(../bench/results/second/samples.jsonl.gz)'))
  t.regex(text('docs/origins.md'), /`cache` by `zx bench\/matrix\.mjs second`/)
  t.regex(text('README.md'), /-->\n!\[Delay of timers .*\]\(docs\/event-loop\.svg\)\n<!-- matrix:end -->/)
  t.regex(text('docs/event-loop.svg'), /^<svg[\s\S]*while 2 GiB are read from the disk[\s\S]*<\/svg>\n$/)
  await byProgram('--check')
  writeFileSync(join(root, 'docs/event-loop.svg'), '<svg/>')
  t.regex((await t.throwsAsync(byProgram('--check'))).stderr, /say: docs\/event-loop\.svg\./)
})

test('--check writes nothing and names stale documents', async t => {
  const { root, results, text, write, check, byProgram } = repository(t)
  const first = results('first', { 'gap/slower': 1.5, 'reuse/ratio': 2.5 })
  const { stderr } = await t.throwsAsync(byProgram('--check', first))
  t.regex(stderr, /quoted\.json, README\.md, docs\/one\.md, docs\/rest\.md/)
  t.is(text('README.md'), blocks['README.md'])

  write(first)
  check()
  writeFileSync(join(root, 'docs/one.md'), text('docs/one.md').replace('2.50', '9.50'))
  const changed = await t.throwsAsync(byProgram('--check'))
  t.is(changed.code, 1)
  t.regex(changed.stderr, /say: docs\/one\.md\./)
  t.true(text('docs/one.md').includes('9.50'))
})

for (const [what, documents, message] of [
  ['an experiment that there is none of', '<!-- matrix:begin gep -->\n<!-- matrix:end -->\n', /no experiment 'gep'/],
  ['a claim that there is none of', '<!-- matrix:begin gap/x -->\n<!-- matrix:end -->\n', /no claim 'gap\/x'/],
  ['experiments beside claims', '<!-- matrix:begin gap/slower api -->\n<!-- matrix:end -->\n', /not both/],
  ['a beginning without an end', '<!-- matrix:begin gap -->\n', /needs a <!-- matrix:end -->/],
  ['an end without a beginning', '<!-- matrix:end -->\n', /needs a <!-- matrix:end -->/],
  ['a beginning before the end of another', `${'<!-- matrix:begin -->\n'.repeat(2)}<!-- matrix:end -->\n`, /needs a/],
  [
    'a claim that the folder is too old for',
    '<!-- matrix:begin gap/lasts -->\n<!-- matrix:end -->\n',
    /does not have the claim 'gap\/lasts'/,
  ],
]) {
  test(`markers are refused that name ${what}`, t => {
    const { results, text, write } = repository(t, { 'README.md': documents })
    t.throws(() => write(results('first', { 'gap/slower': 1.5 })), { message })
    t.is(text('README.md'), documents)
  })
}

test('a folder without results is refused, and one outside of the repository', t => {
  const { root, write } = repository(t)
  t.throws(() => write(join(root, 'none')), { message: /none is no folder of results/ })
  t.throws(() => write(join(root, '..')), { message: /is outside the repository/ })
})

test('committed documents match the quoted folders', async t => {
  await t.notThrowsAsync(run(process.execPath, [program, '--check']))
})

test('committed folders have compressed samples, and no reports that a command writes again', t => {
  const { status, stdout } = spawnSync('git', ['ls-files', 'bench/results'], { cwd: root, encoding: 'utf8' })
  t.is(status, 0)
  const files = stdout.split('\n').filter(name => name.split('/').length > 3 && existsSync(join(root, name)))
  t.true(files.length > 0)
  t.deepEqual(
    files.filter(name => /\.jsonl$|\/report\.html$|\/summary\.md$/.test(name)),
    [],
    'zx bench/matrix.mjs shrink FOLDER',
  )
})

for (const command of ['compare', 'power']) {
  test(`the methodology quotes the output of ${command} for the committed runs`, async t => {
    const [block] = codeBlocks('docs/methodology.md').filter(({ text }) => text.includes(`matrix.mjs ${command}`))
    const [line, ...shown] = block.text.split('\n')
    const { stdout } = await run(process.execPath, line.split(' ').slice(2), { cwd: root })
    const printed = stdout.split('\n')
    t.true(shown.length > 5)
    t.deepEqual(
      shown.filter(text => !printed.includes(text)),
      [],
    )
  })
}
