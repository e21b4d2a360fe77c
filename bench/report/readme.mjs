// Writes the tables between the markers of README.md from a folder of results, or checks that they are what it would
// write: node bench/report/readme.mjs [RESULTS_FOLDER] [--check]
import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { experiments } from '../experiments/index.mjs'
import { machine, verdictTables } from './markdown.mjs'

const BEGIN = '<!-- matrix:begin -->'
const END = '<!-- matrix:end -->'
const root = fileURLToPath(new URL('../../', import.meta.url))
const readme = join(root, 'README.md')

try {
  main()
} catch (error) {
  console.error(`readme: ${error.message}`)
  process.exitCode = 1
}

function main() {
  const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true })
  const text = readFileSync(readme, 'utf8')
  const begin = text.indexOf(BEGIN) + BEGIN.length
  const end = text.indexOf(END)
  if (!text.includes(BEGIN) || end < begin) throw new Error(`README.md has no ${BEGIN} with ${END} after it`)
  const folder =
    positionals.length > 0 ? relative(root, resolve(positionals[0])) : recordedFolder(text.slice(begin, end))
  if (folder.startsWith('..'))
    throw new Error(`${positionals[0]} is outside the repository, which README.md cannot link to`)
  const fresh = `${text.slice(0, begin)}\n${generate(folder)}\n${text.slice(end)}`
  if (!values.check) writeFileSync(readme, fresh)
  else if (fresh !== text)
    throw new Error(`README.md is not what ${folder} says: run node bench/report/readme.mjs ${folder}`)
}

/** @param {string} text what the markers enclose */
function recordedFolder(text) {
  const [, folder] = text.match(/\]\((\S+)\/samples\.jsonl\)/) ?? []
  if (folder === undefined) throw new Error('README.md names no folder of results yet: give one')
  return folder
}

/** @param {string} folder relative to the repository */
function generate(folder) {
  const read = name => JSON.parse(readFileSync(join(root, folder, name), 'utf8'))
  const environment = read('environment.json')
  const rows = read('summary.json')
  const raw = `[samples](${folder}/samples.jsonl), [environment](${folder}/environment.json)`
  return [
    `\`\`\`sh\n${environment.command}\n\`\`\``,
    `${machine(environment)} Medians with 95 % intervals; ${raw}.`,
    ...verdictTables(experiments, rows),
  ].join('\n\n')
}
