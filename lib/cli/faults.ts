// `faultless faults`: finds the lines of JavaScript that wait for the disk, because they touch mapped pages that are
// not in memory.

import { writeFileSync } from 'node:fs'
import { callersOf, fileName, nearby, otherwise } from './callers.js'
import type { Command, Line } from './command.js'
import type { ExitCode } from './exit.js'
import {
  amount,
  cannotFollow,
  counted,
  exitCode,
  FOLLOW_OPTIONS,
  type Followed,
  follow,
  printExit,
  table,
  targetOf,
  time,
  unbroken,
  wholeNumber,
} from './follow.js'
import { largest, print, printJson, styled, warn, wrap } from './output.js'
import { formatBytes } from './sizes.js'
import { traceEvents } from './trace-events.js'
import {
  type Fault,
  type FaultReport,
  faultObstacle,
  faultsOfCommand,
  followFaults,
  type Memory,
  type ThreadFaults,
} from './tracing/faults/index.js'
import { HOW_TO_NAME, textOf } from './tracing/index.js'

/** The share of the time from which on waits are a problem. */
const NOTABLE = 0.05
const SHOWN = 12
const PAGE = 4096

export const command: Command = {
  usage: '[OPTION…] [--pid N [--seconds S] | -- COMMAND…]',
  about: [
    'Shows which lines of JavaScript wait for the disk because they touch mapped pages that are not in memory. Such a page ' +
      'fault stops the thread and its event loop until the disk has delivered the page. The report has the function and the ' +
      'line, or the addon; the file; and the time.',
    'With --pid, it follows a running process and its descendants, for some seconds or until Ctrl-C. Otherwise it runs ' +
      'COMMAND to its end; with --json, the output of COMMAND is dropped. As root and with bpftrace, it traces each page ' +
      'fault. Otherwise it samples the threads every few milliseconds, which shows no files and misses short waits.',
  ],
  options: {
    ...FOLLOW_OPTIONS,
    all: { type: 'boolean', about: 'also report page faults that need no disk: their source and their cost' },
    threshold: { type: 'string', value: 'MS', about: 'exit with code 1 if one wait is longer, and only then' },
    trace: {
      type: 'string',
      value: 'FILE',
      about: 'write each wait to FILE, for chrome://tracing and ui.perfetto.dev',
    },
    sample: { type: 'boolean', about: 'sample the threads, even where page faults can be traced' },
  },
  found: `JavaScript waited for over ${100 * NOTABLE} % of the time (or longer than --threshold), or the command failed`,
  impossible: 'this is not Linux; or --all was given without root, bpftrace or tracefs',
  run,
}

async function run(line: Line): Promise<ExitCode> {
  const { json, flag, text } = line
  const target = targetOf(line)
  const threshold = wholeNumber('--threshold', text('threshold'))
  const sampled = mustSample(flag('sample'), flag('all'))
  const options = { all: flag('all'), sampled }
  const report = await follow<FaultReport>(target, json, {
    command: (file, words, more) => faultsOfCommand(file, words, { ...options, ...more }),
    process: pid => followFaults([pid], options),
  })
  const verdict = judge(report, threshold)
  const traceFile = text('trace')
  if (traceFile !== undefined) writeFileSync(traceFile, JSON.stringify(traceEvents(report, whereOf(report))))
  if (json) printJson(documentOf(report, verdict))
  else show(report, verdict)
  return exitCode(verdict.found, report.exit)
}

/** Whether to sample. Where page faults cannot be traced, it warns of what is missing, with the cure. */
function mustSample(wanted: boolean, all: boolean): boolean {
  const obstacle = faultObstacle()
  if (obstacle?.name === 'not-linux') throw cannotFollow(`page faults cannot be followed here: ${obstacle.reason}`)
  if (wanted && all) throw cannotFollow('--all needs each page fault to be traced, and --sample does not trace them')
  if (!obstacle || wanted) return wanted
  if (all)
    throw cannotFollow(`--all needs each page fault to be traced, and they cannot be traced here: ${obstacle.reason}`)
  warn(
    `page faults cannot be traced here: ${obstacle.reason}. Threads are sampled every few milliseconds instead: ` +
      'files are unknown, and shorter waits are counted but not timed.',
  )
  return true
}

interface Verdict {
  threshold: number | undefined
  /** Nanoseconds that JavaScript threads waited, and the longest of these waits. */
  waited: number
  longest: number
  found: boolean
}

const runsLoop = ({ role }: ThreadFaults) => role === 'main' || role === 'worker'
const total = (threads: readonly ThreadFaults[], of: (thread: ThreadFaults) => number) =>
  threads.reduce((sum, thread) => sum + of(thread), 0)

function judge({ threads, elapsed }: Followed<FaultReport>, threshold: number | undefined): Verdict {
  const loops = threads.filter(runsLoop)
  const waited = total(loops, thread => thread.waited.total)
  const longest = Math.max(0, ...loops.map(thread => thread.waited.longest))
  const notable = Math.max(0, ...loops.map(thread => thread.waited.total)) > NOTABLE * elapsed
  return { threshold, waited, longest, found: threshold === undefined ? notable : longest > 1e6 * threshold }
}

/** Names the code of a page fault, by its stack. */
type Where = (fault: { tid: number; frames: Fault['frames'] }) => string[]

function whereOf({ threads, named }: FaultReport): Where {
  const byThread = new Map(threads.map(thread => [thread.tid, thread]))
  return ({ tid, frames }) => {
    const callers = callersOf(frames)
    if (callers.length > 0) return callers
    const { program = 'a process', role = 'other' } = byThread.get(tid) ?? {}
    return [otherwise(frames, { program, runsJavaScript: role !== 'other', named })]
  }
}

interface PlaceFigures {
  where: string[]
  thread: ThreadFaults | undefined
  memory: Pick<Memory, 'kind' | 'path'>
  /** The number of different pages, the offset of the first one, and the end of the last one. */
  pages: number
  from?: number
  to?: number
  faults: number
  waited: number
  longest: number
  /** The stack of the longest wait. */
  stack: string[]
}

/** Groups page faults by thread, code and file. The longest total wait comes first. */
function placesOf({ faults, threads }: FaultReport, where: Where): PlaceFigures[] {
  const groups = new Map<string, Fault[]>()
  for (const fault of faults) {
    const key = JSON.stringify([fault.tid, where(fault), fault.memory.kind, fault.memory.path])
    groups.set(key, [...(groups.get(key) ?? []), fault])
  }
  const places = [...groups.values()].map(([first, ...rest]): PlaceFigures => {
    const all = [first as Fault, ...rest]
    const longest = all.reduce((left, right) => (right.waited > left.waited ? right : left))
    const { kind, path } = longest.memory
    const offsets = all.flatMap(({ memory: { offset } }) =>
      offset === undefined ? [] : PAGE * Math.floor(offset / PAGE),
    )
    return {
      where: where(longest),
      thread: threads.find(({ tid }) => tid === longest.tid),
      memory: path === undefined ? { kind } : { kind, path },
      pages: new Set(offsets).size,
      ...(offsets.length > 0 ? { from: -largest(offsets.map(offset => -offset)), to: largest(offsets) + PAGE } : {}),
      faults: all.length,
      waited: all.reduce((sum, { waited }) => sum + waited, 0),
      longest: longest.waited,
      stack: longest.frames.map(textOf),
    }
  })
  return places.sort((left, right) => right.waited - left.waited)
}

function documentOf(report: Followed<FaultReport>, verdict: Verdict): object {
  const { elapsed, exit, method, named, threads, faults, quickStacks, lost } = report
  const where = whereOf(report)
  return {
    command: 'faults',
    ...{ elapsed, exit, method, named, ...verdict },
    threads: threads.map(thread => ({ ...thread, name: nameOf(thread) })),
    places: placesOf(report, where).map(({ thread, ...place }) => ({ ...place, pid: thread?.pid, tid: thread?.tid })),
    faults: faults.map(({ frames, ...fault }) => ({
      ...fault,
      where: where({ tid: fault.tid, frames }),
      stack: frames.map(textOf),
    })),
    quick: quickStacks.map(({ frames, ...stack }) => ({
      ...stack,
      where: where({ tid: stack.tid, frames }),
      stack: frames.map(textOf),
    })),
    lost,
  }
}

const ROLES = { main: 'main thread', worker: 'worker', pool: 'pool thread', engine: 'thread of V8', other: 'thread' }

/** `main thread of node 4242`, `worker 4250 of node 4242`. */
function nameOf({ role, thread, program, pid, tid }: ThreadFaults): string {
  const own = /^(node|MainThread|node-MainThread|WorkerThread|libuv-worker)$/.test(thread) || thread === program
  const number = role === 'main' || pid === tid ? '' : ` ${tid}`
  return `${ROLES[role]}${number}${own ? '' : ` "${thread}"`} of ${program} ${pid}`
}

function show(report: Followed<FaultReport>, verdict: Verdict): void {
  const { threads, exit, method, elapsed } = report
  const loops = threads.filter(runsLoop)
  const waiting = loops.filter(({ faults }) => faults > 0)
  const where = whereOf(report)
  printExit(exit)
  print(wrap(headline(waiting, verdict, elapsed, method), 0))
  if (waiting.length > 1) {
    print()
    table(
      COLUMNS.concat('thread'),
      byWaits(waiting)
        .slice(0, SHOWN)
        .map(thread => [...figures(thread.faults, thread.waited), nameOf(thread)]),
    )
  }
  const places = placesOf(report, where)
  const ofLoops = places.filter(({ thread }) => thread && runsLoop(thread))
  if (ofLoops.length > 0) {
    print()
    table(
      COLUMNS.concat('where'),
      ofLoops
        .slice(0, SHOWN)
        .map(place => [
          ...figures(place.faults, { ...place, total: place.waited }),
          textOfPlace(place, waiting.length > 1),
        ]),
    )
    if (ofLoops.length > SHOWN) print(`and ${counted(ofLoops.length - SHOWN, 'other place')}: see --json`)
  }
  showRest(report, verdict)
  if (report.quickStacks.length > 0) showQuick(report, where)
  for (const line of advice(report, ofLoops)) print(`\n${wrap(line, 0)}`)
}

const COLUMNS = ['faults', 'waited', 'longest']
const figures = (faults: number, waited: { total: number; longest: number }) => [
  amount(faults),
  time(waited.total),
  time(waited.longest),
]
const byWaits = (threads: readonly ThreadFaults[]) =>
  [...threads].sort((left, right) => right.waited.total - left.waited.total)

function headline(
  waiting: ThreadFaults[],
  { waited, found }: Verdict,
  elapsed: number,
  method: FaultReport['method'],
): string {
  const faults = total(waiting, thread => thread.faults)
  if (faults === 0) return styled('green', `No JavaScript thread waited in a page fault (in ${time(elapsed)}).`)
  const who = waiting.length > 1 ? `${waiting.length} JavaScript threads` : `The JavaScript thread`
  const about = method === 'sampled' ? 'about ' : ''
  const said = `${who} waited for ${about}${time(waited)} in ${counted(faults, 'page fault')} (of ${time(elapsed)}).`
  return styled(found ? 'red' : 'green', said)
}

function textOfPlace({ where, memory, thread, pages, from = 0 }: PlaceFigures, several: boolean): string {
  const lines = [where.map(unbroken).join(' ← ')]
  if (several && thread) lines.push(nameOf(thread))
  const range =
    pages === 0
      ? ''
      : `, ${pages === 1 ? 'at' : `${amount(pages)} places from`} ${formatBytes(from)}${pages === 1 ? '' : ' on'}`
  if (memory.kind === 'file') lines.push(`${nearby(memory.path ?? '')}${range}`)
  if (memory.kind === 'code') lines.push(`the code of ${fileName(memory.path ?? '')}`)
  if (memory.kind === 'anonymous') lines.push('anonymous memory, which was swapped out')
  return lines.join('\n')
}

/** Prints the waits outside of event loops, and the page faults that did not wait. */
function showRest({ threads, lost, method }: FaultReport, { threshold, longest }: Verdict): void {
  const lines: string[] = []
  const groups: [string, (thread: ThreadFaults) => boolean][] = [
    ['Threads of the pool, which do not block the event loop,', ({ role }) => role === 'pool'],
    ['Other threads and programs', thread => !runsLoop(thread) && thread.role !== 'pool'],
  ]
  for (const [who, belongs] of groups) {
    const faults = total(threads.filter(belongs), thread => thread.faults)
    const waited = total(threads.filter(belongs), thread => thread.waited.total)
    if (faults > 0) lines.push(`${who} waited for ${time(waited)} in ${counted(faults, 'page fault')}.`)
  }
  const quick = total(threads.filter(runsLoop), thread => thread.quick)
  const cost = total(threads.filter(runsLoop), thread => thread.quickCost ?? 0)
  const others = method === 'traced' ? 'did not wait' : 'were minor, and most of those need no disk'
  if (quick > 0)
    lines.push(
      `${counted(quick, 'page fault')} of JavaScript threads ${others}${cost > 0 ? `, and cost ${time(cost)}` : ''}.`,
    )
  const io = total(threads.filter(runsLoop), thread => thread.blockIo ?? 0)
  if (io > 0)
    lines.push(
      `JavaScript threads waited for block devices for ${time(io)}, including reads, by the kernel's delay accounting.`,
    )
  if (lost > 0 && method === 'traced')
    lines.push(
      `${counted(lost, 'page fault')} came too fast to be reported one by one: they are in the sums, but in no place.`,
    )
  if (lost > 0 && method === 'sampled')
    lines.push(`${counted(lost, 'major fault')} more came after the last sample of threads that have ended.`)
  if (threshold !== undefined) lines.push(`The longest wait took ${time(longest)}; the threshold is ${threshold} ms.`)
  for (const line of lines) print(`\n${wrap(line, 0)}`)
}

function showQuick(report: FaultReport, where: Where): void {
  const groups = new Map<string, { count: number; cost: number }>()
  const loops = new Set(report.threads.filter(runsLoop).map(({ tid }) => tid))
  for (const stack of report.quickStacks.filter(({ tid }) => loops.has(tid))) {
    const name = where(stack).join(' ← ')
    const { count, cost } = groups.get(name) ?? { count: 0, cost: 0 }
    groups.set(name, { count: count + stack.count, cost: cost + stack.cost })
  }
  const rows = [...groups].sort(([, left], [, right]) => right.cost - left.cost).slice(0, SHOWN)
  print('\nPage faults that did not wait:')
  table(
    ['faults', 'cost', 'where'],
    rows.map(([name, { count, cost }]) => [amount(count), time(cost), name]),
  )
}

function* advice({ named, method, threads }: FaultReport, places: PlaceFigures[]): Generator<string> {
  const isUnknown = places.length > 0 && places.every(({ stack }) => stack.length === 0)
  if (isUnknown) yield 'Functions are known only for processes of your own user; root sees those of all processes.'
  else if (!named) {
    yield `Functions of JavaScript have no names here: ${HOW_TO_NAME}, or run it with faultless faults -- COMMAND.`
  }
  if (places.length === 0) return
  yield styled(
    'dim',
    'A page fault: a program touches a mapped page that is not in memory. Its thread stops until the disk has delivered the page; timers, sockets and requests wait meanwhile.',
  )
  const of = (kind: Memory['kind']) => places.some(({ memory }) => memory.kind === kind)
  if (of('file') || method === 'sampled') {
    yield 'Try: await file.view(…) or prefault() before the touch, and lock() pages that must stay. For a file that an addon maps: run npx faultless warm FILE, or touch it in a worker.'
  }
  if (of('anonymous')) yield 'Memory was swapped out: the machine or its cgroup has too little memory.'
  if (method === 'sampled' && total(threads, thread => thread.blockIo ?? 0) === 0) {
    yield styled(
      'dim',
      'As root and with bpftrace, the report has the file and each wait. With sysctl kernel.task_delayacct=1, the kernel adds up waits for disks.',
    )
  }
}
