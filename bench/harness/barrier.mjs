// A group of members held at a barrier: started, let go all at the same instant of a clock they share, and stopped.
// Every wait has a bound, and ends at once when the group dies.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const HOST = fileURLToPath(new URL('../programs/group.mjs', import.meta.url))
/** Far more than any step takes on a busy machine, in milliseconds: what takes longer hangs. */
const PATIENCE = 60_000
const TAIL = 4096

export class Group {
  /** Groups not yet ended. @type {Set<Group>} */
  static living = new Set()

  #mode
  #host
  #ended
  #receive
  #stderr = ''

  /**
   * @param {import('./cells.mjs').Cell} cell
   * @param {import('./cells.mjs').Mode} mode
   * @param {{ path: string, checksum: number }} file
   */
  constructor({ reader, size, k, env }, mode, file) {
    this.#mode = mode
    // A process group of its own: one signal ends all of it, and the Ctrl-C of a terminal reaches the harness alone.
    this.#host = fork(HOST, [JSON.stringify({ mode, k, member: { reader, size, ...file } })], {
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    Group.living.add(this)
    this.#host.stderr.on('data', text => {
      this.#stderr = (this.#stderr + text).slice(-TAIL)
    })
    this.#host.on('error', error => {
      this.#stderr += error.message
    })
    this.#host.on('message', message => this.#receive(message))
    this.#host.on('exit', () => this.kill())
    this.#ended = new Promise(resolve => {
      this.#host.on('close', (code, signal) => {
        Group.living.delete(this)
        resolve(
          code === 0 ? undefined : new Error(`ended by ${signal ?? `exit code ${code}`}\n${this.#stderr}`.trimEnd()),
        )
      })
    })
  }

  /** Resolves when every member has read the file once and verified it. */
  async ready() {
    await this.#answer('ready')
  }

  /**
   * Lets all members go `lead` milliseconds from now, until each has read so often, or for so many milliseconds at most.
   * @param {{ lead: number, milliseconds: number, reads?: number }} window
   */
  async sample({ lead, milliseconds, reads = Number.MAX_SAFE_INTEGER }) {
    const start = Number(process.hrtime.bigint()) / 1e6 + lead
    this.#host.send({ kind: 'go', start, end: start + milliseconds, reads })
    return this.#answer('sample')
  }

  /** Resolves when every member has closed its reader and ended; rejects if one did not, or not in good order. */
  async stop() {
    this.#host.send({ kind: 'stop' })
    const error = await this.#bounded(this.#ended, 'end')
    if (error) throw this.#failure(error.message)
  }

  /** Ends every process of the group, at once. */
  kill() {
    try {
      process.kill(-this.#host.pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
    return this.#ended
  }

  /** @param {'ready' | 'sample'} kind */
  async #answer(kind) {
    const received = new Promise(resolve => {
      this.#receive = resolve
    })
    const died = this.#ended.then(error => ({ kind: 'failed', error: error?.message ?? 'ended before its time' }))
    const message = await this.#bounded(Promise.race([received, died]), kind)
    if (message.kind === 'failed') throw this.#failure(message.error)
    return message
  }

  /** @template T @param {Promise<T>} promise @param {string} what @returns {Promise<T>} */
  async #bounded(promise, what) {
    let timer
    const tooLong = new Promise((_, reject) => {
      timer = setTimeout(() => reject(this.#failure(`no ${what} in ${PATIENCE / 1000} s`)), PATIENCE)
    })
    try {
      return await Promise.race([promise, tooLong])
    } finally {
      clearTimeout(timer)
    }
  }

  /** @param {string} reason */
  #failure(reason) {
    return new Error(`${this.#mode}: ${reason}`)
  }
}
