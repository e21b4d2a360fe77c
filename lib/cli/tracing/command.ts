// Runs a command, and follows it from its first instruction to its end.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { withNames } from './code-map.js'

export interface CommandOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** The stdio of the command; inherited by default. */
  stdio?: 'inherit' | 'ignore'
  /** Ends the command; the findings so far are reported. */
  signal?: AbortSignal
}

export interface Ended {
  /** How the command ended: 126 or 127, as of a shell, where it could not be started. */
  exit: { code: number | null; signal: NodeJS.Signals | null }
  /** Its duration in nanoseconds. */
  elapsed: number
}

/** A trace of processes, which runs until it is stopped. */
export interface Trace<Report> {
  stop(): Promise<Report>
  abandon(): Promise<void>
  /** Removes the files of function names that the processes have written. */
  removeNames(): void
}

/** @param named whether functions of JavaScript are to have names */
export async function followCommand<Report extends object>(
  [file, ...words]: readonly [string, ...string[]],
  { cwd, env = process.env, stdio = 'inherit', signal }: CommandOptions,
  named: boolean,
  follow: (pid: number) => Promise<Trace<Report>>,
): Promise<Report & Ended> {
  // A shell that executes the command on a message, so that the trace misses nothing of it. The standard input of the
  // command stays untouched.
  const held = spawn('/bin/sh', ['-c', 'read -r _ <&3; exec 3<&-; exec "$0" "$@"', file, ...words], {
    ...(cwd === undefined ? {} : { cwd }),
    env: named ? withNames(env) : env,
    stdio: [stdio, stdio, stdio, 'pipe'],
  })
  await once(held, 'spawn')
  const ended = once(held, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const end = () => held.kill()
  let trace: Trace<Report> | undefined
  try {
    trace = await follow(held.pid as number)
    signal?.throwIfAborted()
    signal?.addEventListener('abort', end)
    const start = process.hrtime.bigint()
    const gate = held.stdio[3] as NodeJS.WritableStream
    gate.on('error', () => {})
    gate.end('\n')
    const [code, killedBy] = await ended
    const elapsed = Number(process.hrtime.bigint() - start)
    return { ...(await trace.stop()), exit: { code, signal: killedBy }, elapsed }
  } catch (error) {
    held.kill('SIGKILL')
    await trace?.abandon()
    throw error
  } finally {
    signal?.removeEventListener('abort', end)
    if (named) trace?.removeNames()
  }
}
