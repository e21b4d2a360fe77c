// `npm ci` and `npm run build:addon` on machines that lack a tool, and the message about it.

import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { temporaryFolder } from './helpers/files.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const path = command => execFileSync('sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).trim()

/** Runs a script in a copy of scripts/ with nothing on the PATH but these commands; napi is replaced by a program that prints its arguments. */
async function run(t, script, args, commands) {
  const folder = temporaryFolder(t)
  cpSync(join(root, 'scripts'), join(folder, 'scripts'), { recursive: true })
  const napi = join(folder, 'node_modules/@napi-rs/cli/dist')
  mkdirSync(napi, { recursive: true })
  // The part of its loader that the build rewrites.
  const loader = 'createRequire(import.meta.url)\nconst error = new Error(\n`Cannot find native binding`,\n    )\n'
  const napiProgram = `require('node:fs').writeFileSync('binding.js', ${JSON.stringify(loader)})
    console.log(process.argv.slice(2).join(' '))`
  writeFileSync(join(napi, 'cli.js'), napiProgram)
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  for (const command of commands) symlinkSync(path(command), join(bin, command))
  const options = { cwd: folder, env: { PATH: bin, HOME: process.env.HOME } }
  return promisify(execFile)(process.execPath, [`scripts/${script}`, ...args], options)
}

for (const commands of [[], ['cargo', 'make']]) {
  const has = commands.join(' and ') || 'nothing'
  test(`npm ci on a machine with ${has} and without a prebuilt addon ends with one sentence about the missing tools`, async t => {
    const { code, stdout, stderr } = await t.throwsAsync(run(t, 'prepare.mjs', [], commands))
    t.is(code, 1)
    t.is(stdout, '')
    t.regex(stderr, /^faultless: [^\n]*install stable Rust[^\n]*\(cc\)[^\n]*npm ci again\.\n$/)
  })
}

const WITH = / --features jemalloc\b/
const MESSAGE =
  /^faultless: the addon is built without jemalloc, because (.+): allocator\.use\('jemalloc'\) will throw\.\n$/

for (const [args, commands, reason] of [
  [[], ['cc', 'make']],
  [[], ['cc'], 'there is no make here'],
  [[], ['make'], 'there is no cc here'],
  [[], [], 'there is no make and no cc here'],
  [['--no-jemalloc'], ['cc', 'make'], '--no-jemalloc was given'],
  [
    ['--target', 'aarch64-unknown-linux-gnu'],
    ['cc', 'make'],
  ],
  [
    ['--target', 'aarch64-unknown-linux-musl'],
    ['cc', 'make'],
    'it is built for Linux with glibc, not for aarch64-unknown-linux-musl',
  ],
]) {
  const title = ['npm run build:addon', ...args, 'with', commands.join(' and ') || 'neither make nor cc'].join(' ')
  test(`${title} builds ${reason ? 'without jemalloc, and says why' : 'with jemalloc'}`, async t => {
    const { stdout, stderr } = await run(t, 'build-addon.mjs', args, commands)
    t.regex(stdout, /^build .* --release/)
    if (reason) {
      t.notRegex(stdout, WITH)
      t.is(MESSAGE.exec(stderr)?.[1], reason, stderr)
    } else {
      t.regex(stdout, WITH)
      t.is(stderr, '')
    }
    t.false(stdout.includes('--no-jemalloc'))
    if (args[0] === '--target') t.true(stdout.includes(args.join(' ')))
  })
}
