// A process that the harness starts, with all that it starts in turn: awaited within bounds, and ended as one.
import { fork, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Far more than any step takes on a busy machine, in milliseconds: what takes longer hangs. */
const PATIENCE = 60_000
const TAIL = 4096

/** What leads a process group of its own: one signal ends all of it, and the Ctrl-C of a terminal reaches the harness alone. */
export class Child {
  /** Those not yet ended. @type {Set<Child>} */
  static #living = new Set()

  static killAll = () => Promise.all([...Child.#living].map(child => child.kill()))

  /** Whose word it is when it fails. */
  name
  /** Resolves when it and its pipes have closed, to the error of one that did not end in good order. @type {Promise<Error | undefined>} */
  ended
  handle
  #stderr = ''

  /** @param {string} name @param {import('node:child_process').ChildProcess} handle started `detached`, standard error piped */
  constructor(name, handle) {
    this.name = name
    this.handle = handle
    Child.#living.add(this)
    handle.stderr.on('data', text => {
      this.#stderr = (this.#stderr + text).slice(-TAIL)
    })
    handle.on('error', error => {
      this.#stderr += error.message
    })
    handle.on('exit', () => this.kill())
    this.ended = new Promise(resolve => {
      handle.on('close', (code, signal) => {
        Child.#living.delete(this)
        resolve(
          code === 0 ? undefined : new Error(`ended by ${signal ?? `exit code ${code}`}\n${this.#stderr}`.trimEnd()),
        )
      })
    })
  }

  get pid() {
    return this.handle.pid
  }

  /** Resolves when it has ended; rejects if it did not in time, or not in good order. */
  async end(patience = PATIENCE) {
    const error = await this.bounded(this.ended, 'end', patience)
    if (error) throw this.failure(error.message)
  }

  /** Ends every process of the group, at once. */
  kill() {
    try {
      // One that could not even be started leads no group.
      if (this.pid !== undefined) process.kill(-this.pid, 'SIGKILL')
    } catch (error) {
      if (error.code !== 'ESRCH') throw error
    }
    return this.ended
  }

  /** @template T @param {Promise<T>} promise @param {string} what @returns {Promise<T>} */
  async bounded(promise, what, patience = PATIENCE) {
    let timer
    const tooLong = new Promise((_, reject) => {
      timer = setTimeout(() => reject(this.failure(`no ${what} in ${patience / 1000} s`)), patience)
    })
    try {
      return await Promise.race([promise, tooLong])
    } finally {
      clearTimeout(timer)
    }
  }

  /** @param {string} reason @param {string} [code] */
  failure(reason, code) {
    return Object.assign(new Error(`${this.name}: ${reason}`), code && { code })
  }
}

/** A program of ours that answers what it is told: `{ kind, … }`, or `{ kind: 'failed', error, code }`. */
class Answering extends Child {
  #receive = _message => {}

  /** @param {object} message */
  hear(message) {
    this.#receive(message)
  }

  /** What it says next. @param {string} kind what that should be @param {number} [patience] */
  async answer(kind, patience) {
    const received = new Promise(resolve => {
      this.#receive = resolve
    })
    const died = this.ended.then(error => ({ kind: 'failed', error: error?.message ?? 'ended before its time' }))
    const message = await this.bounded(Promise.race([received, died]), kind, patience)
    if (message.kind === 'failed') throw this.failure(message.error, message.code)
    return message
  }

  /** Resolves when it has let go of everything and ended; rejects if it did not, or not in good order. */
  async stop() {
    this.send({ kind: 'stop' })
    await this.end()
  }
}

/** One that Node runs. */
export class Program extends Answering {
  /** @param {string} name @param {string} path @param {object} task its only argument @param {Record<string, string>} [env] */
  constructor(name, path, task, env) {
    super(
      name,
      fork(path, [JSON.stringify(task)], {
        detached: true,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      }),
    )
    this.handle.on('message', message => this.hear(message))
  }

  /** @param {object} message */
  send(message) {
    this.handle.send(message)
  }
}

/** One of its own, which hears and answers a line at a time; the first line is its task. */
export class NativeProgram extends Answering {
  /** @param {string} name @param {string} path @param {string} part which of its programs @param {object} task */
  constructor(name, path, part, task) {
    super(name, spawn(path, [part], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] }))
    createInterface({ input: this.handle.stdout }).on('line', line => this.hear(JSON.parse(line)))
    // One that has died is heard of when it ends.
    this.handle.stdin.on('error', () => {})
    this.send(task)
  }

  /** @param {object} message */
  send(message) {
    this.handle.stdin.write(`${JSON.stringify(message)}\n`)
  }
}

/**
 * Runs a command to its end, and gives back what it printed; `read`, where given, has each piece of that as it comes.
 * @param {string} file @param {string[]} words
 * @param {{ cwd?: string, env?: Record<string, string>, patience?: number }} [options]
 */
export async function command(file, words, { cwd, env, patience } = {}) {
  const child = startCommand(file, words, { cwd, env })
  let printed = ''
  child.handle.stdout.on('data', text => {
    printed += text
  })
  try {
    await child.end(patience)
  } finally {
    await child.kill()
  }
  return printed
}

/** @param {string} file @param {string[]} words @param {{ cwd?: string, env?: Record<string, string> }} [options] */
export function startCommand(file, words, { cwd, env } = {}) {
  return new Child(
    file,
    spawn(file, words, {
      cwd,
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}

/** Lets work start children, none of which outlives it or its interruption. @template T @param {AbortSignal} signal @param {() => Promise<T>} work */
export async function withChildren(signal, work) {
  signal.throwIfAborted()
  signal.addEventListener('abort', Child.killAll)
  try {
    return await work()
  } finally {
    await Child.killAll()
    signal.removeEventListener('abort', Child.killAll)
  }
}
