// The folder of one run. Each sample is on the disk as soon as it is there; nothing is ever overwritten.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const resultsFolder = fileURLToPath(new URL('../results', import.meta.url))

/**
 * @param {string} parent
 * @param {ReturnType<typeof import('./environment.mjs').describeEnvironment>} environment
 */
export function makeRun(parent, environment) {
  const folder = nextFree(join(parent, `${environment.date.slice(0, 10)}-${environment.host}`))
  const writeNew = (name, value) =>
    writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`, { flag: 'wx' })
  writeNew('environment.json', environment)
  return {
    folder,
    /** @param {object} line */
    record: line =>
      appendFileSync(join(folder, 'samples.jsonl'), `${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`),
    /** @param {string} name @param {string} text */
    save: (name, text) => writeFileSync(join(folder, name), text, { flag: 'wx' }),
    /** @param {object[]} rows */
    summarize: rows => writeNew('summary.json', rows),
  }
}

/** Making a folder is what claims its number: of two runs that start at once, one finds it taken. @param {string} base */
function nextFree(base) {
  mkdirSync(join(base, '..'), { recursive: true })
  for (let n = 1; ; n += 1) {
    const folder = `${base}.${n}`
    try {
      mkdirSync(folder)
      return folder
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
  }
}
