// The templates of experiments run by their paths, and decide nothing at toy size.

import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { temporaryFolder } from './helpers/files.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
/** Each answer was right. */
const CHECKED = 'toy size: only the answers are checked'
const matrix = (...words) =>
  promisify(execFile)(process.execPath, ['bench/matrix.mjs', ...words], { cwd: root, encoding: 'utf8' })

test('an experiment that is not in the list runs by the path of its file', async t => {
  const paths = ['cell', 'trial'].map(name => `bench/templates/${name}.mjs`)
  const { stdout } = await matrix(...paths, '--toy', '--json', '--out', temporaryFolder(t))
  const rows = JSON.parse(stdout)
  t.deepEqual(
    rows.map(({ claim, reason }) => [claim.id, reason]),
    [
      ['example-cell/faster', CHECKED],
      ['example-trial/faster', CHECKED],
    ],
  )
})

test('a path that is no new experiment is refused', async t => {
  const copy = join(temporaryFolder(t), 'copy.mjs')
  writeFileSync(copy, `export default { id: 'gap', claims: [] }`)
  for (const [path, message] of [
    ['bench/templates/missing.mjs', /missing\.mjs/],
    ['scripts/nodes.mjs', /nodes\.mjs exports no experiment/],
    [copy, /copy\.mjs has the id of another experiment, gap/],
  ]) {
    const { code, stderr } = await t.throwsAsync(matrix(path, '--toy'))
    t.is(code, 2)
    t.regex(stderr, message)
  }
})

test('the path of a listed experiment is the same as its id', async t => {
  const [byPath, byId] = await Promise.all(['bench/experiments/gap.mjs', 'gap'].map(name => matrix(name, '--list')))
  t.is(byPath.stdout, byId.stdout)
})
