// Measures trials: each is one way to read at one work, in a process of its own, pass after pass in a new order, so that a
// drift of the machine hits all that are compared.
import { fileURLToPath } from 'node:url'
import { cool, countBytes } from './caches.mjs'
import { NativeProgram, Program, withChildren } from './child.mjs'
import { nativeProgram } from './native.mjs'
import { neighbours } from './order.mjs'
import { seededRandom } from './random.mjs'

const PROGRAM = fileURLToPath(new URL('../programs/trial.mjs', import.meta.url))
/** About what starting, preparing and stopping a process takes, in milliseconds, where a way does not say it: only the time left is told by it. */
const START = 250

/**
 * @typedef {{ rate?: number } & Record<string, any>} Sample `rate` is what is done in a second
 *
 * `task` is what the process is told, and `cold` what must be out of the page cache when it begins: a process of its own
 * for each such sample. `native` names the part of the native program that does it; `fault` is made before the process
 * starts, joined by it where it can be, and undone after it. `run` takes the samples where no program of ours does.
 * `missing` is why it cannot run here.
 * @typedef {{
 *   id: string, label: string, passes: number, rounds: number, milliseconds: number, warmup?: number, start?: number,
 *   task?: import('../programs/works.mjs').Task, run?: (pass: number) => Promise<Sample[] | (() => Promise<Sample[]>)>, native?: string,
 *   fault?: () => { join?: (pid: number) => void, dispose: () => void },
 *   cold?: { paths: string[], bytes: number, disk?: string, prepare?: () => void }, missing?: string
 * }} Way
 *
 * `value` is what is shown of a sample, in `unit`, and `base` the way that others are held against. `growth` is the place of
 * a work among others in which nothing but `x` differs.
 * @typedef {{
 *   id: string, title: string, unit: string, value: (sample: Sample) => number, base?: string,
 *   also?: (samples: Sample[]) => string, growth?: { over: string, x: number }, ways: Way[]
 * }} Work
 * @typedef {Way & { work: string, name: string, samples: Sample[][], error?: string }} Trial samples by pass and round
 */

export class Trials {
  /** @type {Work[]} */
  works
  /** @type {Map<string, Trial>} */
  #trials

  /** @param {Work[]} works */
  constructor(works) {
    this.works = works
    this.#trials = new Map(
      works.flatMap(work =>
        work.ways.map(way => [
          keyOf(work.id, way.id),
          { ...way, work: work.id, name: `${work.title}: ${way.label}`, samples: [] },
        ]),
      ),
    )
  }

  get all() {
    return [...this.#trials.values()]
  }

  get failures() {
    return this.all.map(({ error }) => error).filter(error => error !== undefined)
  }

  /** @param {string} work @param {string} way */
  find(work, way) {
    return this.#trials.get(keyOf(work, way))
  }

  /** @param {string} work */
  waysOf(work) {
    return this.works.find(({ id }) => id === work).ways.map(({ id }) => id)
  }

  /**
   * The samples of one way at one work, by pass and round. Throws ERR_NOT_RUNNABLE or ERR_CELL_FAILED where there are none,
   * ERR_NOT_MEASURED where none were asked for.
   * @param {string} work
   * @param {string} way
   */
  samples(work, way) {
    const trial = this.find(work, way)
    if (!trial) throw Object.assign(new Error(`${way} at ${work} was not measured`), { code: 'ERR_NOT_MEASURED' })
    const { missing, error, samples } = trial
    if (missing) throw Object.assign(new Error(missing), { code: 'ERR_NOT_RUNNABLE' })
    if (error) throw Object.assign(new Error(error), { code: 'ERR_CELL_FAILED' })
    return samples
  }
}

/** About what all of it takes, in milliseconds. @param {Work[]} works */
export function trialsTime(works) {
  return works.flatMap(({ ways }) => ways).reduce((sum, way) => sum + way.passes * cost(way), 0)
}

/**
 * Pass after pass. Where there is a budget, in milliseconds, the last pass is the one after which another would not fit.
 * @param {Trials} trials @param {import('../experiments/index.mjs').Context} context
 */
export async function measureTrials(trials, { signal, record, recorded, progress, budget = Number.POSITIVE_INFINITY }) {
  const random = seededRandom(1)
  const begun = performance.now()
  /** @type {Promise<void>[]} */
  const waiting = []
  const passes = Math.max(...trials.all.map(trial => trial.passes))
  await withChildren(signal, async () => {
    for (let pass = 0; pass < passes; pass += 1) {
      if (pass > 0 && ((performance.now() - begun) / pass) * (pass + 1) > budget) break
      const due = trials.all.filter(trial => pass < trial.passes)
      for (const trial of neighbours(due, ({ work }) => work, random)) {
        progress.begin(trial.name)
        if (!trial.error && !trial.missing) await measureTrial(trial, pass)
        progress.advance(cost(trial))
      }
      await Promise.all(waiting.splice(0))
    }
  })

  /** A trial that fails is out of the run, with its reason; the others go on. @param {Trial} trial @param {number} pass */
  async function measureTrial(trial, pass) {
    const place = { work: trial.work, way: trial.id, pass }
    signal.throwIfAborted()
    const before = takeRecorded(recorded, place)
    if (before.length > 0) {
      trial.samples[pass] = before
      return
    }
    await attempt(() => trial.run?.(pass) ?? runProgram(trial))

    /** @param {() => Promise<Sample[] | (() => Promise<Sample[]>)>} take */
    async function attempt(take) {
      try {
        const samples = await take()
        if (typeof samples === 'function') {
          waiting.push(attempt(samples))
          // It is awaited later, or never where the run is interrupted.
          waiting.at(-1).catch(() => {})
          return
        }
        for (const [round, sample] of samples.entries()) record({ ...place, round, ...sample })
        trial.samples[pass] = samples
      } catch (error) {
        signal.throwIfAborted()
        if (error.code === 'ERR_NOT_RUNNABLE') trial.missing = error.message
        else trial.error = error.message
        record({ ...place, error: error.message })
      }
    }
  }
}

/**
 * What a run that is resumed has of a trial, taken out of its records: of two trials that have the same place in different
 * stages of an experiment, the first gets what was recorded first.
 * @param {import('./recorded.mjs').Line[]} recorded
 * @param {{ work: string, way: string, pass: number }} place
 */
function takeRecorded(recorded, { work, way, pass }) {
  // A trial that failed has left a line without a round.
  const isHere = line => line.work === work && line.way === way && line.pass === pass && line.round !== undefined
  const taken = []
  for (;;) {
    const at = recorded.findIndex(isHere)
    if (at === -1 || recorded[at].round !== taken.length) return taken
    taken.push(...recorded.splice(at, 1))
  }
}

/** @param {Trial} trial */
async function runProgram({ name, task, native, fault, cold, rounds, milliseconds, warmup = 0 }) {
  cold?.prepare?.()
  const made = fault?.()
  const program = native ? new NativeProgram(name, nativeProgram, native, task) : new Program(name, PROGRAM, task)
  try {
    made?.join?.(program.pid)
    await program.answer('preparation')
    const samples = []
    for (let round = 0; round < rounds; round += 1) {
      if (cold) await cool(cold.paths, cold.bytes)
      const counted = countBytes(cold?.disk)
      program.send({ kind: 'go', milliseconds, warmup: round === 0 ? warmup : 0 })
      const { kind: _, ...sample } = await program.answer('sample')
      samples.push({ ...sample, diskBytes: counted() })
    }
    await program.stop()
    return samples
  } finally {
    await program.kill()
    made?.dispose()
  }
}

const cost = ({ start = START, rounds, milliseconds, warmup = 0 }) => start + warmup + rounds * milliseconds
const keyOf = (work, way) => `${work}/${way}`
