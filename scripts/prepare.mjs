// What `npm ci` does after it has installed: builds the addon in release mode and compiles the TypeScript.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const has = command => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
const run = (script, ...more) => execFileSync('npm', ['run', '--silent', script, ...more], { stdio: 'inherit' })

const canBuild = has('cargo') && has('cc')
const isBuilt = existsSync('binding.js') && readdirSync('.').some(name => name.endsWith('.node'))

if (!canBuild && !isBuilt) {
  console.error(
    'faultless: there is no prebuilt addon for this platform here, so please install stable Rust (https://rustup.rs) ' +
      'and a C compiler (cc), then run npm ci again.',
  )
  process.exit(1)
}
if (canBuild && has('make')) run('build:addon')
else if (canBuild) {
  console.error(
    "faultless: there is no make here, so the addon is built without jemalloc: allocator.use('jemalloc') will throw.",
  )
  run('build:addon', '--', '--no-default-features')
}
run('build:lib')
