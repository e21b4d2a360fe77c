// Writes docs/api.md from the types that are exported and their comments, or checks that it is what it would write:
// node scripts/api-reference.mjs [--check]
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readEntryPoints } from './api/declarations.mjs'
import { pageOf } from './api/markdown.mjs'

const PAGE = 'docs/api.md'
const PREFACE = `<!-- Written by npm run build:docs: change the comments in index.ts, tune.ts, watch.ts and lib/, and run it again. -->

# API

Everything that can be imported, written from the types and their comments. The [README](../README.md) shows how it is used.
`

try {
  main()
} catch (error) {
  console.error(`api-reference: ${error.message}`)
  process.exitCode = 1
}

function main() {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, root: { type: 'string' } } })
  const root = values.root ?? fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
  const sources = entryPoints(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
  const found = readEntryPoints(root, Object.values(sources))
  const modules = Object.keys(sources).map((name, i) => ({ name, ...found[i] }))
  const silent = modules.flatMap(undocumented)
  if (silent.length > 0) throw new Error(`no comment says what these are: ${silent.join(', ')}`)
  const page = join(root, PAGE)
  const fresh = `${PREFACE}\n${pageOf(modules)}`
  if (!values.check) writeFileSync(page, fresh)
  else if (!existsSync(page) || readFileSync(page, 'utf8') !== fresh)
    throw new Error(`${PAGE} is not what the types say: run npm run build:docs`)
}

/** The source of each module that a package exports, by the name to import it from. */
function entryPoints({ name, exports }) {
  const typed = Object.entries(exports).filter(([, { types }]) => types)
  return Object.fromEntries(
    typed.map(([path, { types }]) => [
      path.replace(/^\./, name),
      types.replace(/^\.\/dist\//, '').replace(/\.d\.ts$/, '.ts'),
    ]),
  )
}

function undocumented({ name: module, doc, exports }) {
  const named = exports.flatMap(({ name, doc: own, members }) => [
    { name, doc: own },
    ...members.map(member => ({ name: `${name}.${member.name}`, doc: member.doc })),
  ])
  return [{ name: module, doc }, ...named].filter(one => one.doc.text === '').map(({ name }) => name)
}
