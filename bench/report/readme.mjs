// Writes the tables between the markers of README.md and docs/*.md from folders of results, or checks that they are what it
// would write: node bench/report/readme.mjs [RESULTS_FOLDER…] [--check]
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { quotingFiles } from './quote.mjs'

// Tests call the function below in their own process.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { values, positionals } = parseArgs({
      options: { check: { type: 'boolean' }, root: { type: 'string' } },
      allowPositionals: true,
    })
    writeQuotes(values.root ?? fileURLToPath(new URL('../../', import.meta.url)), positionals, values.check)
  } catch (error) {
    console.error(`readme: ${error.message}`)
    process.exitCode = 1
  }
}

/** Writes what is stale, or throws where anything is. @param {string} root @param {string[]} folders @param {boolean} [check] */
export function writeQuotes(root, folders, check) {
  const stale = [...quotingFiles(root, folders)].filter(([name, text]) => {
    const path = join(root, name)
    return !existsSync(path) || readFileSync(path, 'utf8') !== text
  })
  if (!check) for (const [name, text] of stale) writeFileSync(join(root, name), text)
  else if (stale.length > 0) {
    const names = stale.map(([name]) => name).join(', ')
    throw new Error(`not what the quoted results say: ${names}. Run node bench/report/readme.mjs ${folders.join(' ')}`)
  }
}
