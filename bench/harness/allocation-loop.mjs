// The allocation loop in native threads, built when a run needs it: started, let go in windows, and looked at.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Child, command, withChildren } from './child.mjs'
import { traced } from './locks.mjs'
import { notRunnable } from './requirements.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const PACKAGE = 'faultless-allocation-loop'
/** Compiling it with what it depends on takes its time, in milliseconds. */
const PATIENCE = 300_000
const NANOSECONDS = 1e6

/** The path of the program. Throws ERR_NOT_RUNNABLE where there is no cargo. @param {AbortSignal} signal */
export async function buildLoop(signal) {
  const words = ['build', '--release', '--quiet', '--package', PACKAGE, '--message-format', 'json-render-diagnostics']
  try {
    const printed = await withChildren(signal, () => command('cargo', words, { cwd: root, patience: PATIENCE }))
    const messages = printed.split('\n').filter(Boolean)
    return messages.map(line => JSON.parse(line)).find(({ executable }) => executable).executable
  } catch (error) {
    if (error.message.includes('ENOENT')) throw notRunnable('the allocation loop is built with cargo, which is missing')
    throw error
  }
}

/**
 * What the loop does in its windows: allocations in a second, page faults and, where `locks` are asked for, how often the lock
 * of the address space was taken for writing. The lock is looked at in windows of its own.
 * @param {string} path
 * @param {{ threads: number, bytes: number, tuning: Record<string, number> }} loop `tuning`: what malloc is told
 * @param {{ warmup: number, rounds: number, milliseconds: number, locks: boolean }} windows
 */
export async function runLoop(path, { threads, bytes, tuning }, { warmup, rounds, milliseconds, locks }) {
  const options = Object.entries({ threads, bytes, ...tuning }).flatMap(([name, value]) => [`--${name}`, String(value)])
  const loop = new Loop(path, options)
  try {
    await loop.answer()
    await loop.sample(warmup)
    const samples = []
    for (let round = 0; round < rounds; round += 1) samples.push(describe(await loop.sample(milliseconds)))
    if (!locks) return samples
    return await withLocks(loop, threads, samples, milliseconds)
  } finally {
    await loop.kill()
  }
}

/** Adds to each sample how the lock was taken in a window more. */
function withLocks(loop, threads, samples, milliseconds) {
  return traced([loop.pid], async mark => {
    const windows = []
    for (const _ of samples) {
      mark()
      windows.push(await loop.sample(milliseconds))
    }
    return ({ sections }) =>
      samples.map((sample, round) => {
        const { operations, elapsed } = windows[round]
        const { count, waited } = sections[round + 1].total.writes
        const waiting = waited.total / NANOSECONDS / (elapsed * threads)
        return { ...sample, locks: { writes: count / operations, waiting } }
      })
  })
}

const describe = ({ operations, elapsed, minorFaults }) => ({
  rate: (1000 * operations) / elapsed,
  faults: minorFaults / operations,
})

class Loop extends Child {
  #lines

  /** @param {string} path @param {string[]} options */
  constructor(path, options) {
    super('allocation loop', spawn(path, options, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] }))
    this.#lines = createInterface({ input: this.handle.stdout })[Symbol.asyncIterator]()
  }

  /** @param {number} milliseconds */
  sample(milliseconds) {
    this.handle.stdin.write(`${milliseconds}\n`)
    return this.answer()
  }

  /** What it says next. */
  async answer() {
    const { value, done } = await this.bounded(this.#lines.next(), 'answer')
    if (done) throw this.failure((await this.ended)?.message ?? 'ended before its time')
    return JSON.parse(value)
  }
}
