// `npm run test:nodes`: the tests on other versions of Node.
//
//   node scripts/test-nodes.mjs [--node 22,24,26] [TEST FILE…]

import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { environmentOf } from './nodes.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const options = { node: { type: 'string', default: '22,24,26' } }
const { values, positionals } = parseArgs({ options, allowPositionals: true })

const failed = values.node.split(',').filter(version => {
  const [node, env] = environmentOf(version)
  console.log(`── Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()}`)
  const ava = join(root, 'node_modules/ava/entrypoints/cli.mjs')
  return spawnSync(node, [ava, ...positionals], { cwd: root, env, stdio: 'inherit' }).status !== 0
})
if (failed.length > 0) {
  console.error(`tests failed on Node ${failed.join(' and ')}`)
  process.exitCode = 1
}
