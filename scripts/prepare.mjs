// `npm ci` runs this after it has installed: it builds the addon in release mode and compiles the TypeScript.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const has = command => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
const run = script => execFileSync('npm', ['run', '--silent', script], { stdio: 'inherit' })

// Rust links every program with cc, its own build scripts too.
const canBuild = has('cargo') && has('cc')
const isBuilt = existsSync('binding.js') && readdirSync('.').some(name => name.endsWith('.node'))

if (!canBuild && !isBuilt) {
  console.error(
    'faultless: there is no prebuilt addon for this platform here, so please install stable Rust (https://rustup.rs) ' +
      'and a C compiler (cc), which Rust links with, then run npm ci again.',
  )
  process.exit(1)
}
if (canBuild) run('build:addon')
run('build:lib')
