// docs/api.md documents every export, its links work, and it is up to date.

import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import * as faultless from 'faultless'
import * as sources from 'faultless/sources'
import * as tune from 'faultless/tune'
import * as watch from 'faultless/watch'
import { anchorOf } from '../scripts/links.mjs'
import { temporaryFolder } from './helpers/files.mjs'

const program = fileURLToPath(new URL('../scripts/api-reference.mjs', import.meta.url))
const run = promisify(execFile)
const page = readFileSync(new URL('../docs/api.md', import.meta.url), 'utf8')
const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading)

test('docs/api.md matches the types', async t => {
  await t.notThrowsAsync(run(process.execPath, [program, '--check']))
})

test('everything that a program sees has its heading', t => {
  const has = name => headings.some(heading => new RegExp(`\`${name.replace('.', '\\.')}(\\(.*\\))?\``).test(heading))
  const names = [faultless, tune, watch, sources].flatMap(module => Object.keys(module))
  const members = Object.getOwnPropertyNames(faultless.MappedFile.prototype).map(name => `mappedFile.${name}`)
  const { allocator, mmapRead } = faultless
  const functions = Object.entries({ allocator, mmapRead }).flatMap(([name, value]) =>
    Object.keys(value).map(key => `${name}.${key}`),
  )
  const all = [...names, ...members, ...functions].filter(name => name !== 'mappedFile.constructor')
  t.true(all.length > 40)
  t.deepEqual(
    all.filter(name => !has(name)),
    [],
  )
})

test('each link within the page leads to a heading', t => {
  const anchors = new Set(headings.map(anchorOf))
  t.is(anchors.size, headings.length)
  const links = [...page.matchAll(/(?:\(|href=")#([^)"]*)/g)].map(([, anchor]) => anchor)
  t.true(links.length > 100)
  t.deepEqual(
    links.filter(anchor => !anchors.has(anchor)),
    [],
  )
})

const documented = `/**
 * What there is.
 *
 * @packageDocumentation
 */

/** Counts. It knows {@link Thing.size}. */
export class Thing<T> {
  /** Bytes of it. */
  readonly size: number = 1
  #hidden = 1
  /** @internal */
  static of(): number {
    return 1
  }

  /**
   * Finds one.
   *
   * @param name what it is called
   * @returns the place, in bytes
   * @throws \`ENOENT\` where there is none
   */
  async find(name: string, from: number = 0): Promise<Options | undefined> {
    return undefined
  }
}

/** How. */
export interface Options {
  /** Which one. */
  name?: 'a' | 'b'
}
`

/** A package of one module. */
function project(t, source) {
  const root = temporaryFolder(t)
  mkdirSync(join(root, 'docs'))
  writeFileSync(join(root, 'package.json'), '{"name":"thing","exports":{".":{"types":"./dist/index.d.ts"}}}')
  writeFileSync(join(root, 'tsconfig.json'), '{"compilerOptions":{"target":"es2022"},"files":["index.ts"]}')
  writeFileSync(join(root, 'index.ts'), source)
  return { root, write: (...args) => run(process.execPath, [program, '--root', root, ...args]) }
}

test('a page lists parameters, results and errors', async t => {
  const { root, write } = project(t, documented)
  await write()
  await write('--check')
  const text = readFileSync(join(root, 'docs/api.md'), 'utf8')
  t.true(text.includes('## `thing`\n\nWhat there is.'))
  t.true(text.includes('Counts. It knows [`Thing.size`](#thingsize).'))
  t.true(
    text.includes('#### `thing.find(name, from?)`\n\nFinds one.\n\n- `name` <code>string</code>: what it is called\n'),
  )
  t.true(text.includes('- `from` <code>number</code>, `0` by default\n'))
  t.true(
    text.includes('- resolves to <code><a href="#type-options">Options</a> &#124; undefined</code>: the place, in'),
  )
  t.true(text.includes('- rejects with `ENOENT` where there is none'))
  t.true(text.includes("- <code>name?: 'a' &#124; 'b'</code>: Which one."))
  t.notRegex(text, /hidden|\bof\(/)
})

test('a page that is stale is refused, and so is an export without a comment, or with a link that leads nowhere', async t => {
  const stale = project(t, documented)
  await stale.write()
  writeFileSync(join(stale.root, 'index.ts'), documented.replace('Bytes of it', 'MiB of it'))
  const refused = await t.throwsAsync(stale.write('--check'))
  t.is(refused.code, 1)
  t.regex(refused.stderr, /docs\/api\.md is not what the types say: run npm run build:docs/)

  const silent = await t.throwsAsync(project(t, documented.replace('/** Bytes of it. */', '')).write())
  t.regex(silent.stderr, /no comment says what these are: Thing\.size/)

  const nowhere = await t.throwsAsync(project(t, documented.replace('Thing.size}', 'Thing.nothing}')).write())
  t.regex(nowhere.stderr, /links to Thing\.nothing, which is not exported/)
})
