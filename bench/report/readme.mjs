// Writes the tables between the markers of README.md and docs/*.md from folders of results, or checks that they are what it
// would write: node bench/report/readme.mjs [RESULTS_FOLDER…] [--check]
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { quotingFiles } from './quote.mjs'

try {
  main()
} catch (error) {
  console.error(`readme: ${error.message}`)
  process.exitCode = 1
}

function main() {
  const { values, positionals } = parseArgs({
    options: { check: { type: 'boolean' }, root: { type: 'string' } },
    allowPositionals: true,
  })
  const root = values.root ?? fileURLToPath(new URL('../../', import.meta.url))
  const stale = [...quotingFiles(root, positionals)].filter(([name, text]) => {
    const path = join(root, name)
    return !existsSync(path) || readFileSync(path, 'utf8') !== text
  })
  if (!values.check) for (const [name, text] of stale) writeFileSync(join(root, name), text)
  else if (stale.length > 0) {
    const names = stale.map(([name]) => name).join(', ')
    throw new Error(
      `not what the quoted results say: ${names}. Run node bench/report/readme.mjs ${positionals.join(' ')}`,
    )
  }
}
