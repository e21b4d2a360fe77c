// What `npm ci` says where it cannot build.

import { execFile } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { temporaryFolder } from './helpers/files.mjs'

const scripts = fileURLToPath(new URL('../scripts', import.meta.url))

test('without cargo and without a prebuilt addon, one sentence says what to install', async t => {
  const folder = temporaryFolder(t)
  cpSync(scripts, join(folder, 'scripts'), { recursive: true })
  const run = promisify(execFile)(process.execPath, ['scripts/prepare.mjs'], { cwd: folder, env: { PATH: folder } })
  const { code, stdout, stderr } = await t.throwsAsync(run)
  t.is(code, 1)
  t.is(stdout, '')
  t.regex(stderr, /^faultless: [^\n]*install stable Rust[^\n]*\(cc\)[^\n]*npm ci again\.\n$/)
})
