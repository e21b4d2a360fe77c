// `faultless locks`: who waits for mmap_lock, who takes it, and what to do about it.

import { setTimeout } from 'node:timers/promises'
import {
  type Acquisitions,
  type CommandReport,
  type LockReport,
  LockTrace,
  traceCommand,
  tracingObstacle,
} from '../locks/index.js'
import { type Culprit, culprits } from './blame.js'
import type { Command, Line } from './command.js'
import { EXIT, Exit, type ExitCode, usage } from './exit.js'
import { print, printJson, progress, styled, wrap } from './output.js'
import { formatShare, formatTime } from './sizes.js'

/** Who had to wait so many nanoseconds found the lock taken: what is free is had in less. */
const LONG = 8192
/** Of one core's time, spent in such waits by all threads together: below it nobody would notice. */
const NOTABLE = 0.05
const SECONDS = 10
/** So many of each are printed; the JSON has all. */
const SHOWN = 8

export const command: Command = {
  usage: '[--pid N [--seconds S] | -- COMMAND…] [--json]',
  about: [
    'Follows mmap_lock, the lock of the address space that all threads of a process share, with the tracepoints of the ' +
      'kernel: how often which threads take it, how long they wait for it, and which part of the program it was: ' +
      'malloc, V8, a library, an addon. Takes root and bpftrace; the program runs slower meanwhile.',
    'With --pid a process that runs is followed, with all that it has started, for some seconds or until Ctrl-C. Otherwise ' +
      'COMMAND is run to its end; with --json its own output is dropped.',
  ],
  options: {
    pid: { type: 'string', value: 'N', about: 'follow this process' },
    seconds: { type: 'string', value: 'S', about: `for so long (${SECONDS})` },
  },
  found: 'threads waited for one another, or the command failed',
  impossible: 'it cannot be traced here: no root, no bpftrace, no tracefs',
  run,
}

async function run({ words, json, text }: Line): Promise<ExitCode> {
  const pid = wholeNumber('--pid', text('pid'))
  const seconds = wholeNumber('--seconds', text('seconds'))
  if ((pid === undefined) === (words.length === 0)) throw usage('either --pid N or -- COMMAND')
  if (pid === undefined && seconds !== undefined) throw usage('--seconds goes with --pid; a command is run to its end')
  if (pid !== undefined && !lives(pid)) throw usage(`there is no process ${pid}`)
  const obstacle = tracingObstacle()
  if (obstacle) throw new Exit(EXIT.impossible, `mmap_lock cannot be traced here: ${obstacle.reason}`)
  const { report, elapsed, exit } =
    pid === undefined ? await ofCommand(words, json) : await ofProcess(pid, seconds ?? SECONDS)
  const waiting = (longWaits(report.total.writes) + longWaits(report.total.reads)) / elapsed
  const contended = waiting > NOTABLE
  const found = culprits(report.stacks ?? [])
  if (json) {
    const { total, threads, leftOut, lost, unmatched } = report
    const document = { elapsed, exit, contended, waiting, total, threads, culprits: found, leftOut, lost, unmatched }
    printJson({ command: 'locks', ...document })
  } else show(report, { elapsed, waiting, contended, found, exit })
  return contended || (exit !== undefined && exit.code !== 0) ? EXIT.found : EXIT.fine
}

interface Traced {
  report: LockReport
  elapsed: number
  exit?: CommandReport['exit']
}

async function ofCommand([file = '', ...words]: string[], json: boolean): Promise<Traced> {
  const stop = new AbortController()
  // A terminal sends Ctrl-C to the command as well, which ends as it likes; somebody else's signal is passed on.
  const onInterrupt = () => {
    if (!process.stdin.isTTY) stop.abort()
  }
  process.on('SIGINT', onInterrupt)
  try {
    const options = { stacks: true, stdio: json ? 'ignore' : 'inherit', signal: stop.signal } as const
    const report = await traceCommand(file, words, options)
    return { report, elapsed: report.elapsed, exit: report.exit }
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

async function ofProcess(pid: number, seconds: number): Promise<Traced> {
  const trace = await LockTrace.start([pid], { stacks: true })
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const begun = performance.now()
  const passed = () => performance.now() - begun
  while (passed() < 1000 * seconds && !stop.signal.aborted && lives(pid)) {
    progress.show(`following process ${pid} for ${formatTime(passed())} of ${seconds} s; Ctrl-C ends it`)
    await setTimeout(100, undefined, { signal: stop.signal }).catch(() => {})
  }
  progress.clear()
  const elapsed = 1e6 * passed()
  return { report: await trace.stop(), elapsed }
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,8}$/.test(text)) throw usage(`${option} takes a whole number above 0, and not '${text}'`)
  return Number(text)
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Nanoseconds in waits for a lock that was taken, at the least: of each the lower end of its column of the histogram. */
function longWaits({ waited }: Acquisitions): number {
  return waited.histogram.reduce((sum, { from, count }) => (from < LONG ? sum : sum + from * count), 0)
}

interface Summary {
  elapsed: number
  waiting: number
  contended: boolean
  found: Culprit[]
  exit: CommandReport['exit'] | undefined
}

function show({ total, threads, lost }: LockReport, { elapsed, waiting, contended, found, exit }: Summary): void {
  if (exit && exit.code !== 0) print(`The command ended with ${exit.signal ?? `exit code ${exit.code}`}.\n`)
  const all = `${amount(total.writes.count)} times for writing and ${amount(total.reads.count)} times for reading`
  print(wrap(`mmap_lock was taken ${all} in ${formatTime(elapsed / 1e6)}.`, 0))
  const share = `${formatShare(waiting)} of one core's time`
  const verdict = contended
    ? styled('red', `Threads waited for one another for ${share}.`)
    : styled('green', `Hardly any thread waited for another: ${share}.`)
  print(`${verdict}\n`)
  const byWaits = [...threads].sort((left, right) => waits(right) - waits(left))
  table(
    ['thread', ...COLUMNS, 'longest'],
    byWaits
      .slice(0, SHOWN)
      .map(({ pid, thread, writes, reads }) => [
        `${thread} (${pid})`,
        ...cells(writes.count, reads.count, writes.waited.total + reads.waited.total),
        time(Math.max(writes.waited.longest, reads.waited.longest)),
      ]),
  )
  print()
  const shown = found.slice(0, SHOWN)
  table(
    ['who', ...COLUMNS],
    shown.map(({ who, writes, reads, waited, calls }) => [
      `${who} (${calls.slice(0, 3).join(', ')})`,
      ...cells(writes, reads, waited),
    ]),
  )
  if (lost > 0) print(`\n${amount(lost)} were counted and not attributed: there were too many different threads.`)
  if (contended) advise(shown)
}

/** What can be done about those who take it for writing: they are what others wait for. */
function advise(found: Culprit[]): void {
  const writers = found.filter(({ writes, advice }) => writes > 0 && advice !== undefined)
  const most = Math.max(...writers.map(({ writes }) => writes))
  for (const { who, advice = '', writes } of writers) {
    if (writes > most / 10) print(`\n${styled('bold', `${who}:`)}\n  ${wrap(advice, 2)}`)
  }
}

const COLUMNS = ['writes', 'reads', 'waited']
const cells = (writes: number, reads: number, waited: number) => [amount(writes), amount(reads), time(waited)]
const waits = ({ writes, reads }: { writes: Acquisitions; reads: Acquisitions }) =>
  writes.waited.total + reads.waited.total
const time = (nanoseconds: number) => (nanoseconds === 0 ? '0' : formatTime(nanoseconds / 1e6))
const amount = (count: number) => count.toLocaleString('en')

/** The name goes last but for one: it may be long. Numbers are on the right of their columns. */
function table(head: string[], body: string[][]): void {
  const [name = '', ...numbers] = head
  const rows = [numbers.concat(name), ...body.map(([first = '', ...rest]) => rest.concat(first))]
  const widths = numbers.map((_, column) => Math.max(...rows.map(row => (row[column] ?? '').length)))
  for (const row of rows) {
    const left = widths.map((width, column) => (row[column] ?? '').padStart(width)).join('  ')
    print(`${left}  ${wrap(row.at(-1) ?? '', left.length + 2)}`)
  }
}
