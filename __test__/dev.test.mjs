// `npm run dev` in a small copy of the project, with a fake `napi`: it builds what was saved, tests it, and ends on Ctrl-C.

import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from './helpers/files.mjs'
import { unless } from './helpers/rig.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))

/** A napi that writes an addon, and the loader that build-addon.mjs rewrites. */
const NAPI = `const fs = require('node:fs')
const out = process.argv[process.argv.indexOf('--output-dir') + 1]
const loader = 'createRequire(import.meta.url)\\nconst error = new Error(\\n\`Cannot find native binding\`,\\n    )\\n'
for (const [name, text] of [['binding.js', loader], ['binding.d.ts', 'export {}'], ['faultless.fake.node', '']])
  fs.writeFileSync(out + '/' + name, text)
console.log('napi:', process.argv.includes('quick') ? 'quick' : 'release')
`
const TEST = `import test from 'ava'
import { word } from '../dist/lib/words.js'
test('the word is right', t => t.is(word, 'right'))
test('the addon is that of target/dev', t => t.regex(process.env.NAPI_RS_NATIVE_LIBRARY_PATH, /target.dev.faultless/))
`
const HANGS = `import test from 'ava'
test('never ends', async t => {
  t.timeout(600_000)
  console.log('hanging')
  await new Promise(() => setInterval(() => {}, 1000))
})
`

/** Starts `npm run dev` in its own process group, as a terminal does. */
async function dev(t, ...args) {
  t.timeout(100_000)
  const folder = temporaryFolder(t)
  const write = (path, text) => writeFileSync(join(folder, path), text)
  for (const name of ['lib', '__test__', 'crates/mapping/src', 'node_modules/@napi-rs/cli/dist'])
    mkdirSync(join(folder, name), { recursive: true })
  for (const name of ['scripts', 'tsconfig.json', 'tsconfig.build.json', 'ava.config.mjs'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  for (const name of ['ava', 'typescript', '@types'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  write('package.json', '{ "type": "module" }')
  write('node_modules/@napi-rs/cli/dist/cli.js', NAPI)
  write('lib/words.ts', `export const word: string = 'right'\n`)
  write('lib/numbers.ts', 'export const number = 1\n')
  write('crates/mapping/src/words.rs', '')
  write('__test__/words.test.mjs', TEST)
  write('__test__/hangs.test.mjs', HANGS)

  const child = spawn(process.execPath, ['scripts/dev.mjs', ...args], { cwd: folder, detached: true })
  let output = ''
  let seen = 0
  const waiting = new Set()
  // `close` also waits for processes that it has started, because they inherit its output.
  const ended = new Promise(resolve => child.on('close', (_, signal) => resolve(signal)))
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', data => {
      output += data
      for (const check of waiting) check()
    })
  t.teardown(() => {
    if (isAlive(child.pid)) process.kill(-child.pid, 'SIGKILL')
  })
  /** Resolves to the output since the last call, when it matches the pattern. */
  const until = pattern =>
    new Promise((resolve, reject) => {
      const check = () => {
        const found = pattern.exec(output.slice(seen))
        if (!found) return
        waiting.delete(check)
        const part = output.slice(seen, seen + found.index + found[0].length)
        seen += part.length
        resolve(part)
      }
      waiting.add(check)
      check()
      ended.then(() => reject(new Error(`npm run dev ended before ${pattern} in:\n${output}`)))
    })
  const save = (path, text, pattern) => {
    const printed = until(pattern)
    write(path, text)
    return printed
  }
  const interrupt = () => {
    process.kill(-child.pid, 'SIGINT')
    return ended
  }
  await until(/faultless: watching .*\n/)
  /** The kernel counts a process until its parent has noticed its end. */
  const isGone = async () => {
    const deadline = Date.now() + 10_000
    while (isAlive(child.pid) && Date.now() < deadline) await delay(50)
    return !isAlive(child.pid)
  }
  return { save, interrupt, isGone, started: output }
}

/** Whether a process of the group lives. */
function isAlive(group) {
  try {
    return process.kill(-group, 0)
  } catch ({ code }) {
    if (code === 'ESRCH') return false
    throw code
  }
}

const onUnix = unless(process.platform === 'win32' ? 'Windows has no process groups' : undefined)

onUnix('npm run dev builds the saved file and runs its tests, until Ctrl-C', async t => {
  const { save, interrupt, isGone, started } = await dev(t)
  t.regex(started, /napi: quick/)

  const passed = await save('lib/words.ts', `export const word: string = 'ri' + 'ght'\n`, /words\.ts: \w+ after.*\n/)
  t.regex(passed, /2 tests passed.*: passed after [\d.]+ s\n/s)
  t.notRegex(passed, /napi/)

  const failed = await save('lib/words.ts', `export const word: string = 'wrong'\n`, /words\.ts: \w+ after.*\n/)
  t.regex(failed, /1 test failed.*: failed after/s)

  const refused = await save('lib/words.ts', 'export const word: string = 1\n', /words\.ts: \w+ after.*\n/)
  t.regex(refused, /TS2322.*: failed after/s)
  t.notRegex(refused, /tests? (passed|failed)/)

  const saved = await save('__test__/words.test.mjs', TEST, /words\.test\.mjs: \w+ after.*\n/)
  t.regex(saved, /1 test failed/)

  await save('lib/words.ts', `export const word: string = 'right'\n`, /words\.ts: passed after.*\n/)
  const untested = await save('lib/numbers.ts', 'export const number = 2\n', /numbers\.ts: \w+ after.*\n/)
  t.regex(untested, /passed after .*no test has a word of that name/)
  t.notRegex(untested, /tests passed/)

  t.is(await interrupt(), 'SIGINT')
  t.true(await isGone())
})

onUnix('npm run dev builds the addon after a change of Rust, and runs the named tests only', async t => {
  const { save, interrupt, isGone } = await dev(t, '__test__/words.test.mjs')
  const built = await save('crates/mapping/src/words.rs', '// changed\n', /words\.rs: \w+ after.*\n/)
  t.regex(built, /napi: quick.*2 tests passed.*: passed after/s)
  const named = await save('__test__/hangs.test.mjs', `${HANGS}\n`, /hangs\.test\.mjs: \w+ after.*\n/)
  t.regex(named, /2 tests passed/)
  await interrupt()
  t.true(await isGone())
})

onUnix('Ctrl-C ends npm run dev while a test runs, and leaves no process', async t => {
  const { save, interrupt, isGone } = await dev(t)
  await save('__test__/hangs.test.mjs', `${HANGS}\n`, /hanging/)
  await interrupt()
  t.true(await isGone())
})
