// The statements of docs/comparison.md about large and truncated files hold, for our methods and for those of Node.

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { capabilities } from 'faultless'
import { temporaryFolder } from './helpers/files.mjs'
import { unless } from './helpers/rig.mjs'

const program = fileURLToPath(new URL('../bench/programs/limits.mjs', import.meta.url))
const run = promisify(execFile)
const rows = [...readFileSync(new URL('../docs/comparison.md', import.meta.url), 'utf8').matchAll(/^│(.*)│$/gm)]
  .map(([, row]) => row.split('│').map(cell => cell.trim()))
  .filter(cells => cells.length === 3)
const [[, ...cases], ...ways] = rows

// The other packages may not be installed, and Node may fix its blobs.
for (const way of ['fs.readSync', 'FileHandle.read', 'faultless, read', 'faultless, a view made before']) {
  const lacking = way.includes('view') && !capabilities().mapping ? 'there are no views on this platform' : undefined
  unless(lacking)(`${way}: a file larger than 4 GiB, and one that is truncated`, async t => {
    const [, ...told] = ways.find(([name]) => name === way)
    const path = join(temporaryFolder(t), 'file')
    const found = []
    for (const one of cases) found.push((await run(process.execPath, [program, way, one, path])).stdout.trim())
    t.deepEqual(found, told)
  })
}
