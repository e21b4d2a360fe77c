// The folder of one run. Each sample is on the disk as soon as it is there; nothing is ever overwritten.
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { UsageError } from './requirements.mjs'

const SAMPLES = 'samples.jsonl'
const COMPRESSED = `${SAMPLES}.gz`
const REPORTS = ['report.html', 'summary.md']

export const resultsFolder = fileURLToPath(new URL('../results', import.meta.url))

/**
 * @param {string} parent
 * @param {import('../experiments/index.mjs').Environment} environment
 */
export function makeRun(parent, environment) {
  const folder = nextFree(join(parent, `${environment.date.slice(0, 10)}-${environment.host}`))
  const run = openRun(folder, 'wx', environment)
  run.save('environment.json', format(environment))
  return run
}

/** Where this package lies, and what is written in its place: a run may be read on another machine. */
const HERE = new URL('../../', import.meta.url).href
const ANYWHERE = 'file:///faultless/'

/** What may differ between the parts of a run: when they were, and how they were asked for. */
const CHANGING = ['date', 'command', 'load', 'dirty']

/**
 * A run that was interrupted, and what it has sampled. A sample of another machine or version is none of the same run.
 * @param {string} folder
 * @param {import('../experiments/index.mjs').Environment} environment of now
 */
export function resumeRun(folder, environment) {
  const before = readEnvironment(folder)
  if (existsSync(join(folder, 'summary.json')))
    throw new UsageError(`${folder} is finished: there is nothing to resume`)
  const differing = Object.keys(before).find(
    name => !CHANGING.includes(name) && JSON.stringify(before[name]) !== JSON.stringify(environment[name]),
  )
  if (differing !== undefined) {
    const [was, is] = [before, environment].map(one => JSON.stringify(one[differing]))
    throw new UsageError(`${folder} cannot be resumed: its ${differing} was ${was}, and is ${is} now`)
  }
  return { ...openRun(folder, 'w', before), recorded: readSamples(folder) }
}

/** @param {string} folder @returns {import('../experiments/index.mjs').Environment} */
export function readEnvironment(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'environment.json'), 'utf8'))
  } catch (error) {
    throw new UsageError(`${folder} is no folder of results: ${error.message}`)
  }
}

/** The samples of a run. A line that an interruption has cut short is none. @param {string} folder @returns {import('./recorded.mjs').Line[]} */
export function readSamples(folder) {
  const name = samplesName(folder)
  if (name === undefined) return []
  const bytes = readFileSync(join(folder, name))
  return (name === COMPRESSED ? gunzipSync(bytes) : bytes)
    .toString()
    .replaceAll(ANYWHERE, HERE)
    .split('\n')
    .flatMap(line => {
      try {
        return [JSON.parse(line)]
      } catch {
        return []
      }
    })
}

/** The file of a folder that has its samples: a committed folder has them compressed. @param {string} folder */
export const samplesName = folder => [SAMPLES, COMPRESSED].find(name => existsSync(join(folder, name)))

/** Leaves of finished runs the files that are committed: samples are compressed, and reports that can be written again go. @param {string[]} folders */
export function shrinkRuns(folders) {
  if (folders.length === 0) throw new UsageError('shrink takes folders of results')
  for (const folder of folders) readSummary(folder)
  return folders
    .map(folder => {
      const samples = join(folder, SAMPLES)
      if (existsSync(samples)) {
        const level = constants.Z_BEST_COMPRESSION
        writeFileSync(join(folder, COMPRESSED), gzipSync(readFileSync(samples), { level }), { flag: 'wx' })
        rmSync(samples)
      }
      for (const name of REPORTS) rmSync(join(folder, name), { force: true })
      return `${folder}: samples are compressed; zx bench/matrix.mjs report ${folder} writes ${REPORTS.join(' and ')} again`
    })
    .join('\n')
}

/** @param {string} folder @returns {import('./verdict.mjs').Row[]} */
export function readSummary(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'))
  } catch (error) {
    throw new UsageError(`${folder} has no summary: ${error.message}; an interrupted run goes on with --resume`)
  }
}

/** @param {string} folder @param {'w' | 'wx'} flag @param {import('../experiments/index.mjs').Environment} environment of when it began */
function openRun(folder, flag, environment) {
  const samples = join(folder, SAMPLES)
  const save = (name, text) => writeFileSync(join(folder, name), text, { flag })
  // After a line that was cut short the next one begins anew.
  if (existsSync(samples) && !readFileSync(samples).toString().endsWith('\n')) appendFileSync(samples, '\n')
  return {
    folder,
    environment,
    /** @type {import('./recorded.mjs').Line[]} */
    recorded: [],
    /** @param {object} line */
    record(line) {
      const text = JSON.stringify({ at: new Date().toISOString(), ...line })
      appendFileSync(samples, `${text.replaceAll(HERE, ANYWHERE)}\n`)
    },
    /** @param {string} name @param {string} text */
    save,
    /** @param {object[]} rows */
    summarize: rows => save('summary.json', format(rows)),
  }
}

/** @param {string} path @param {object} value */
export const writeJson = (path, value) => writeFileSync(path, format(value))

const format = value => `${JSON.stringify(value, null, 2)}\n`

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
