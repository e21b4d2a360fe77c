// The tasks of the processes of `faultless prove` and their results, and the function that runs one.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const PAGE = 4096

export type Task =
  | { kind: 'stall'; path: string; method: 'touch' | 'faultless'; length: number }
  | { kind: 'cold'; path: string; method: 'fs' | 'faultless'; offsets: number[] }
  | { kind: 'warm'; path: string; offsets: number[]; turns: number }
  | { kind: 'locks'; path: string; method: 'readSync' | 'readInto'; threads: number; size: number; length: number }

export interface Answers {
  /** `longest`: the longest time between two ticks of a timer of 1 ms. */
  stall: { sum: number; longest: number; milliseconds: number }
  cold: { milliseconds: number; digest: string }
  warm: { same: boolean; pairs: { fs: number; faultless: number }[] }
  locks: { reads: number; same: boolean }
}

export const answer = <T>(found: T): { found: T } => ({ found })

const PROGRAM = fileURLToPath(new URL('./child.js', import.meta.url))

/**
 * Runs a task in a process of its own. Each time the process is ready, the next of `steps` runs before it continues; a
 * step that throws ends the process.
 */
export async function measure<K extends Task['kind']>(
  task: Task & { kind: K },
  steps: ((pid: number) => Promise<void>)[],
  signal: AbortSignal,
): Promise<Answers[K]> {
  signal.throwIfAborted()
  const child = fork(PROGRAM, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let complaints = ''
  child.stderr?.setEncoding('utf8').on('data', text => {
    complaints += text
  })
  const stop = () => child.kill('SIGKILL')
  signal.addEventListener('abort', stop)
  try {
    return await new Promise<Answers[K]>((resolve, reject) => {
      const pending = [...steps]
      child.on('message', async (message: 'ready' | { found: Answers[K] }) => {
        if (message !== 'ready') return resolve(message.found)
        try {
          await pending.shift()?.(child.pid as number)
          child.send('go')
        } catch (error) {
          reject(error)
        }
      })
      child.on('error', reject)
      child.on('close', (code, killed) => {
        reject(signal.aborted ? signal.reason : new Error(`${task.kind} ended by ${killed ?? code}: ${complaints}`))
      })
      child.send(task)
    })
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}
