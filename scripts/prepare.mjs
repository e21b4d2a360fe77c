// What `npm ci` does after it has installed: builds the addon in release mode and compiles the TypeScript.

import { execFileSync, spawnSync } from 'node:child_process'

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

if (!has('cargo')) {
  console.error(
    'faultless: there is no prebuilt addon here, and building it needs cargo; install stable Rust (rustup.rs), or cargo and cc from your distribution, and run npm ci again.',
  )
  process.exit(1)
}
for (const script of ['build:addon', 'build:lib']) {
  execFileSync('npm', ['run', '--silent', script], { stdio: 'inherit' })
}
