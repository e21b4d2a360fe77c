// Every code block of the documentation does what it says: it is run, or what it names is looked up.

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

test('what the README says of each package is in an example that is run', t => {
  const [, section] = fs.readFileSync('README.md', 'utf8').split('## Works with')
  const lines = [...section.split('\n## ')[0].matchAll(/^\| \[.*?\| (.*) \|$/gm)].map(([, cell]) => cell)
  const run = codeBlocks('docs/sources.md')
    .map(({ text }) => text)
    .join('\n')
  t.true(lines.length >= 9)
  for (const [, code] of lines.flatMap(line => [...line.matchAll(/`([^`]+)`/g)])) t.true(run.includes(code), code)
})
