// Every code block of the documentation is run, or the names in it are checked.

import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import {
  anchors,
  checks,
  codeBlocks,
  documents,
  linkPackages,
  links,
  makeFixtures,
  missingPackages,
  namedFixtures,
} from './helpers/code-blocks.mjs'
import { temporaryFolder } from './helpers/files.mjs'
import { ofSharedData } from './helpers/fixtures.mjs'
import { required, unless } from './helpers/rig.mjs'
import { noSharedData } from './helpers/shared-data.mjs'

const packages = temporaryFolder()
linkPackages(packages)
const blocks = documents.flatMap(codeBlocks)

for (const block of blocks.filter(({ notRun }) => notRun === undefined)) {
  const noData = namedFixtures(block.text).some(name => ofSharedData.includes(name)) ? noSharedData : undefined
  const runs = noData ? unless(noData) : required(missingPackages(block.text))
  runs(`${block.place}, ${block.language}`, async t => {
    t.truthy(checks[block.language], `a block of '${block.language}' is neither run nor marked not-run="reason"`)
    const folder = fs.mkdtempSync(join(packages, 'block-'))
    await makeFixtures(block.text, folder)
    await t.notThrowsAsync(checks[block.language](block, folder))
  })
}

test('blocks that are not run are few, and say why', t => {
  const marked = blocks.filter(({ notRun }) => notRun !== undefined)
  for (const { place, notRun } of marked) t.log(`${place}: ${notRun}`)
  t.log(`${marked.length} of ${blocks.length} blocks are not run`)
  t.true(marked.length * 10 <= blocks.length)
})

test('every link within the repository leads to a file that is there, and to a heading in it', t => {
  const found = documents.flatMap(document => links(document).map(link => ({ document, ...link })))
  const headings = new Map(documents.map(document => [document, anchors(document)]))
  const leads = ({ path, anchor }) =>
    fs.existsSync(path) && (anchor === undefined || headings.get(path)?.includes(anchor))
  t.true(found.length > 100)
  t.deepEqual(
    found.filter(link => !leads(link)).map(({ document, url }) => `${document}: ${url}`),
    [],
  )
})

test('the examples of the README print the output below them', async t => {
  const found = codeBlocks('README.md')
  const examples = found.filter(({ language }) => language === 'js')
  t.true(examples.length >= 2)
  for (const example of examples) {
    const printed = found[found.indexOf(example) + 1]
    t.is(printed?.language, 'text', example.place)
    const folder = fs.mkdtempSync(join(packages, 'block-'))
    await makeFixtures(example.text, folder)
    const { stdout } = await checks.js(example, folder)
    t.is(stdout.trimEnd(), printed.text, example.place)
  }
})

test('the README is short, and its numbers are those of the quoted runs', t => {
  const text = fs.readFileSync('README.md', 'utf8')
  t.true(text.split('\n').length <= 151)
  const quoted = JSON.parse(fs.readFileSync('bench/results/quoted.json', 'utf8'))
  t.is(text.match(/^- [\d.]+ /gm).length, 5)
  const numbers = [...text.matchAll(/([\d.]+) (?:ms|times) [^[\n]*\(\[([\w-]+)(\/[\w-]+)\]/g)]
  t.is(numbers.length, 6)
  for (const [line, number, experiment, rest] of numbers) {
    const rows = JSON.parse(fs.readFileSync(`${quoted[experiment]}/summary.json`, 'utf8'))
    const { value } = rows.find(({ claim }) => claim.id === experiment + rest).measured
    t.is(Number(number), Number(value.toFixed(number.split('.')[1]?.length ?? 0)), line)
  }
})
