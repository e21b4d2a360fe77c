// `npm run dev`: builds after each save, and runs the tests of the saved file.
//
//   node scripts/dev.mjs [TEST FILE…]
//
// The named tests run after every save. Where none is named, the tests of lib/views.ts or crates/…/views.rs are the test files whose
// names have a word of it, and a saved test file runs itself. The addon goes to target/dev, in the profile `quick`: the one in the
// root, which is measured and packed, stays a release build.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { basename, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const out = join(root, 'target/dev')
const WATCHED = /^(crates\/.*\.(rs|toml)|(lib\/.*|\w+)(?<!\.d)\.ts|__test__\/.*\.mjs)$/
const named = process.argv.slice(2)
process.chdir(root)
// Packages that were installed for tests have files enough to slow a watcher down.
const testFolders = fs
  .readdirSync('__test__', { withFileTypes: true })
  .filter(entry => entry.isDirectory() && entry.name !== 'peers')
  .map(({ name }) => join('__test__', name))
const tests = ['__test__', ...testFolders].flatMap(folder =>
  fs
    .readdirSync(folder)
    .filter(name => name.endsWith('.test.mjs'))
    .map(name => join(folder, name)),
)

fs.mkdirSync(out, { recursive: true })
build(new Set(['crates/', 'lib/']))
const saved = new Set()
let timer
const onSave = path => {
  saved.add(path)
  clearTimeout(timer)
  timer = setTimeout(cycle, 50)
}
const watch = (folder, options) => fs.watch(folder, options, (_, name) => name && onSave(join(folder, name)))
for (const folder of ['lib', 'crates', ...testFolders]) watch(folder, { recursive: true })
for (const folder of ['.', '__test__']) watch(folder, {})
console.log('faultless: watching crates, lib, the entry points and __test__')

function cycle() {
  const paths = new Set([...saved].filter(path => WATCHED.test(path) && fs.existsSync(path)))
  saved.clear()
  if (paths.size === 0) return
  const start = performance.now()
  const chosen = named.length > 0 ? named : [...new Set([...paths].flatMap(testsOf))]
  const passed = build(paths) && (chosen.length === 0 || run('node_modules/ava/entrypoints/cli.mjs', ...chosen))
  const none = chosen.length === 0 ? ', no test has a word of that name: npm run dev -- TEST FILE…' : ''
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`faultless: ${[...paths].join(', ')}: ${passed ? 'passed' : 'failed'} after ${seconds} s${none}`)
}

/** Compiles what changed: true unless that fails. */
function build(paths) {
  const changed = pattern => [...paths].some(path => pattern.test(path))
  if (changed(/^crates\//)) {
    if (!run('scripts/build-addon.mjs', '--profile', 'quick', '--output-dir', out)) return false
    for (const name of ['binding.js', 'binding.d.ts']) fs.copyFileSync(join(out, name), name)
  }
  return !changed(/^(?!crates|__test__)/) || run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json')
}

function testsOf(path) {
  if (tests.includes(path)) return [path]
  const words = basename(path).split('.')[0].split(/[-_]/)
  const withWords = some => tests.filter(test => words[some](word => basename(test).split(/[-.]/).includes(word)))
  const all = withWords('every')
  return all.length > 0 ? all : withWords('some')
}

function run(...args) {
  const addon = fs.readdirSync(out).find(name => name.endsWith('.node'))
  const env = addon ? { ...process.env, NAPI_RS_NATIVE_LIBRARY_PATH: join(out, addon) } : process.env
  return spawnSync(process.execPath, args, { stdio: 'inherit', env }).status === 0
}
