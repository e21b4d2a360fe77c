// The common part of `locks` and `faults`: follows a command or a process as the command line says, and prints tables.

import { setTimeout } from 'node:timers/promises'
import type { Line, Option } from './command.js'
import { EXIT, Exit, type ExitCode, usage } from './exit.js'
import { largest, print, progress, wrap } from './output.js'
import { formatTime } from './sizes.js'
import { type CommandOptions, type Ended, lives, type Trace } from './tracing/index.js'

const SECONDS = 10

export const FOLLOW_OPTIONS: Record<string, Option> = {
  pid: { type: 'string', value: 'N', about: 'follow this process' },
  seconds: { type: 'string', value: 'S', about: `for this many seconds (${SECONDS})` },
}

/** The command or process to follow. */
export type Target = { pid: number; seconds: number } | { command: [string, ...string[]] }

export function targetOf({ words, text }: Line): Target {
  const pid = wholeNumber('--pid', text('pid'))
  const seconds = wholeNumber('--seconds', text('seconds'))
  const [file, ...rest] = words
  if ((pid === undefined) === (file === undefined)) throw usage('pass either --pid N or -- COMMAND')
  if (pid === undefined && seconds !== undefined) throw usage('--seconds is for --pid only; a command runs to its end')
  if (file !== undefined) return { command: [file, ...rest] }
  if (pid === undefined || !lives(pid)) throw usage(`there is no process ${pid}`)
  return { pid, seconds: seconds ?? SECONDS }
}

export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usage(`${option} must be a whole number above 0, not '${text}'`)
  return Number(text)
}

/** A report; for a command, also how it ended. */
export type Followed<Report> = Report & { elapsed: number; exit?: Ended['exit'] }

interface Tracers<Report> {
  command(file: string, words: string[], options: CommandOptions): Promise<Report & Ended>
  process(pid: number): Promise<Trace<Report>>
}

export function follow<Report extends object>(
  target: Target,
  json: boolean,
  tracers: Tracers<Report>,
): Promise<Followed<Report>> {
  return 'pid' in target ? ofProcess(target, tracers) : ofCommand(target.command, json, tracers)
}

async function ofCommand<Report>([file, ...words]: [string, ...string[]], json: boolean, tracers: Tracers<Report>) {
  const stop = new AbortController()
  // A terminal also sends Ctrl-C to the command, which then ends by itself. A signal from elsewhere is passed on.
  const onInterrupt = () => {
    if (!process.stdin.isTTY) stop.abort()
  }
  process.on('SIGINT', onInterrupt)
  try {
    return await tracers.command(file, words, { stdio: json ? 'ignore' : 'inherit', signal: stop.signal })
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

async function ofProcess<Report extends object>(
  { pid, seconds }: { pid: number; seconds: number },
  tracers: Tracers<Report>,
) {
  const trace = await tracers.process(pid)
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const begun = performance.now()
  const passed = () => performance.now() - begun
  while (passed() < 1000 * seconds && !stop.signal.aborted && lives(pid)) {
    progress.show(`following process ${pid} for ${formatTime(passed())} of ${seconds} s; Ctrl-C stops`)
    await setTimeout(100, undefined, { signal: stop.signal }).catch(() => {})
  }
  progress.clear()
  const elapsed = 1e6 * passed()
  return { ...(await trace.stop()), elapsed }
}

export const cannotFollow = (reason: string): Exit => new Exit(EXIT.impossible, reason)

/** Prints how the command failed, if it did. */
export function printExit(exit: Ended['exit'] | undefined): void {
  if (exit && exit.code !== 0) print(`The command ended with ${exit.signal ?? `exit code ${exit.code}`}.\n`)
}

/** @param found whether the report has a problem */
export const exitCode = (found: boolean, exit: Ended['exit'] | undefined): ExitCode =>
  found || (exit !== undefined && exit.code !== 0) ? EXIT.found : EXIT.fine

export function time(nanoseconds: number): string {
  if (nanoseconds === 0) return '0'
  return nanoseconds >= 1e9 && nanoseconds < 6e10
    ? `${(nanoseconds / 1e9).toFixed(2)} s`
    : formatTime(nanoseconds / 1e6)
}
export const amount = (count: number): string => count.toLocaleString('en')
/** `1 page fault`, `37 page faults`. */
export const counted = (count: number, what: string): string => `${amount(count)} ${what}${count === 1 ? '' : 's'}`

const NO_BREAK = '\u00a0'
/** Text that a table does not wrap. */
export const unbroken = (text: string): string => text.replaceAll(' ', NO_BREAK)

/** Prints right-aligned numbers, and then a text, which may be long or have several lines. */
export function table(head: string[], body: string[][]): void {
  const rows = [head, ...body]
  const widths = head.slice(0, -1).map((_, column) => largest(rows.map(row => (row[column] ?? '').length)))
  for (const row of rows) {
    const left = widths.map((width, column) => (row[column] ?? '').padStart(width)).join('  ')
    const indent = left.length + 2
    const text = (row.at(-1) ?? '').split('\n').map(line => wrap(line, indent))
    print(`${left}  ${text.join(`\n${' '.repeat(indent)}`)}`.replaceAll(NO_BREAK, ' '))
  }
}
