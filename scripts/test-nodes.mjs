// `npm run test:nodes`: the tests on other versions of Node, which npm installs into a folder of its own when asked.
//
//   node scripts/test-nodes.mjs [--node 22,24] [TEST FILE…]

import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('../', import.meta.url))
const options = { node: { type: 'string', default: '22,24' } }
const { values, positionals } = parseArgs({ options, allowPositionals: true })
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'faultless-nodes')

const failed = values.node.split(',').filter(version => {
  const folder = join(cache, version)
  fs.mkdirSync(folder, { recursive: true })
  const name = `node-${process.platform}-${process.arch}@${version}`
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', folder, name], {
    stdio: 'inherit',
  })
  const bin = join(folder, 'node_modules', name.split('@')[0], 'bin')
  console.log(`── Node ${execFileSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' }).trim()}`)
  // First on the PATH, so that what a test starts is the same Node.
  const env = { ...process.env, PATH: bin + delimiter + process.env.PATH }
  const ava = join(root, 'node_modules/ava/entrypoints/cli.mjs')
  return spawnSync(join(bin, 'node'), [ava, ...positionals], { cwd: root, env, stdio: 'inherit' }).status !== 0
})
if (failed.length > 0) {
  console.error(`tests failed on Node ${failed.join(' and ')}`)
  process.exitCode = 1
}
