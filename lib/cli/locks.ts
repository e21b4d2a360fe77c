// `faultless locks`: shows the threads that wait for mmap_lock, the code that takes it, and advice.

import { type Culprit, culprits } from './blame.js'
import type { Command, Line } from './command.js'
import type { ExitCode } from './exit.js'
import {
  amount,
  cannotFollow,
  exitCode,
  FOLLOW_OPTIONS,
  type Followed,
  follow,
  printExit,
  table,
  targetOf,
  time,
} from './follow.js'
import { largest, print, printJson, styled, wrap } from './output.js'
import { formatShare, formatTime } from './sizes.js'
import { type Acquisitions, type LockReport, LockTrace, traceCommand, tracingObstacle } from './tracing/locks/index.js'

/** A wait of this many nanoseconds means that the lock was taken: acquiring a free lock is faster. */
const LONG = 8192
/** The share of one core's time, spent in such waits by all threads together, from which on they are a problem. */
const NOTABLE = 0.05
/** The number of rows to print per table; the JSON has all. */
const SHOWN = 8

export const command: Command = {
  usage: '[--pid N [--seconds S] | -- COMMAND…] [--json]',
  about: [
    'Traces mmap_lock, the lock of the address space that all threads of a process share, with the tracepoints of the ' +
      'kernel. Shows how often each thread takes it, how long it waits for it, and which part of the program takes it: ' +
      'malloc, V8, a library, an addon. Needs root and bpftrace; the program runs slower meanwhile.',
    'With --pid, it follows a running process and its descendants, for some seconds or until Ctrl-C. Otherwise it runs ' +
      'COMMAND to its end; with --json, the output of COMMAND is dropped.',
  ],
  options: FOLLOW_OPTIONS,
  found: 'threads waited for one another, or the command failed',
  impossible: 'mmap_lock cannot be traced here: root, bpftrace or tracefs is missing',
  run,
}

async function run(line: Line): Promise<ExitCode> {
  const target = targetOf(line)
  const obstacle = tracingObstacle()
  if (obstacle) throw cannotFollow(`mmap_lock cannot be traced here: ${obstacle.reason}`)
  const report = await follow<LockReport>(target, line.json, {
    command: (file, words, options) => traceCommand(file, words, { ...options, stacks: true }),
    process: pid => LockTrace.start([pid], { stacks: true }),
  })
  const { elapsed, exit, total, threads, leftOut, lost, unmatched } = report
  const waiting = (longWaits(total.writes) + longWaits(total.reads)) / elapsed
  const contended = waiting > NOTABLE
  const found = culprits(report.stacks ?? [])
  if (line.json) {
    const document = { elapsed, exit, contended, waiting, total, threads, culprits: found, leftOut, lost, unmatched }
    printJson({ command: 'locks', ...document })
  } else show(report, { waiting, contended, found })
  return exitCode(contended, exit)
}

/** The least nanoseconds in waits for a taken lock: each wait counts with the lower end of its histogram column. */
function longWaits({ waited }: Acquisitions): number {
  return waited.histogram.reduce((sum, { from, count }) => (from < LONG ? sum : sum + from * count), 0)
}

interface Summary {
  waiting: number
  contended: boolean
  found: Culprit[]
}

function show(
  { total, threads, lost, elapsed, exit }: Followed<LockReport>,
  { waiting, contended, found }: Summary,
): void {
  printExit(exit)
  const all = `${amount(total.writes.count)} times for writing and ${amount(total.reads.count)} times for reading`
  print(wrap(`mmap_lock was taken ${all} in ${formatTime(elapsed / 1e6)}.`, 0))
  const share = `${formatShare(waiting)} of one core's time`
  const verdict = contended
    ? styled('red', `Threads waited for one another for ${share}.`)
    : styled('green', `Hardly any thread waited for another: ${share}.`)
  print(`${verdict}\n`)
  const byWaits = [...threads].sort((left, right) => waits(right) - waits(left))
  table(
    [...COLUMNS, 'longest', 'thread'],
    byWaits
      .slice(0, SHOWN)
      .map(({ pid, thread, writes, reads }) => [
        ...cells(writes.count, reads.count, writes.waited.total + reads.waited.total),
        time(Math.max(writes.waited.longest, reads.waited.longest)),
        `${thread} (${pid})`,
      ]),
  )
  print()
  const shown = found.slice(0, SHOWN)
  table(
    [...COLUMNS, 'who'],
    shown.map(({ who, writes, reads, waited, calls, callers }) => [
      ...cells(writes, reads, waited),
      [`${who} (${calls.slice(0, 3).join(', ')})`, ...(callers.length > 0 ? [`by ${callers.join(' ← ')}`] : [])].join(
        '\n',
      ),
    ]),
  )
  if (lost > 0) print(`\n${amount(lost)} were counted but not attributed: there were too many different threads.`)
  if (contended) advise(shown)
}

/** Prints advice for the code that takes the lock for writing, since the others wait for that. */
function advise(found: Culprit[]): void {
  const writers = found.filter(({ writes, advice }) => writes > 0 && advice !== undefined)
  const most = largest(writers.map(({ writes }) => writes))
  for (const { who, advice = '', writes } of writers) {
    if (writes > most / 10) print(`\n${styled('bold', `${who}:`)}\n  ${wrap(advice, 2)}`)
  }
}

const COLUMNS = ['writes', 'reads', 'waited']
const cells = (writes: number, reads: number, waited: number) => [amount(writes), amount(reads), time(waited)]
const waits = ({ writes, reads }: { writes: Acquisitions; reads: Acquisitions }) =>
  writes.waited.total + reads.waited.total
