// The report of a trace of mmap_lock, from the output of bpftrace. All times are in nanoseconds.

import { type Frame, textOf } from '../frames.js'
import { type Bucket, groupBy, type Maps, mergeHistograms, type Stats } from '../printed.js'
import { framesOf } from '../stacks.js'
import type { Programs } from '../traced-processes.js'
import { callers } from '../tracer.js'

/** One kind of acquisition, for writing or for reading. */
export interface Acquisitions {
  count: number
  /** From the request to the acquisition; acquiring a free lock takes some time as well. */
  waited: { total: number; mean: number; longest: number; histogram: Bucket[] }
  /** From the acquisition to the release. */
  held: { total: number; mean: number }
  /** Failed attempts: those that do not wait, and those that were cancelled. */
  failed: number
}

export interface Figures {
  writes: Acquisitions
  reads: Acquisitions
}

/** Threads of one name in one process. */
export interface ThreadFigures extends Figures {
  pid: number
  thread: string
}

/** The code that took the lock: the innermost frame comes first. */
export interface StackFigures {
  thread: string
  write: boolean
  count: number
  waited: number
  frames: Frame[]
}

/** The figures between two marks. */
export interface Section {
  total: Figures
  threads: ThreadFigures[]
  /** The longest total wait comes first. Only where stacks were requested. */
  stacks?: StackFigures[]
}

export interface LockReport extends Section {
  /** The sections between marks, in order; a single one without marks. */
  sections: Section[]
  /** Acquisitions of other processes, which were left out. */
  leftOut: number
  /** Acquisitions that were counted but not attributed, because a map was full. */
  lost: number
  /** Acquisitions that were requested before the trace began. */
  unmatched: number
}

/** @param programs the mappings of the processes whose stacks were collected */
export function lockReport(maps: Maps, sections: number, stacks: boolean, programs: Programs): LockReport {
  const rows = threadRows(maps)
  const stackRows = stacks ? readStacks(maps, programs) : []
  const sectionOf = (number: number | undefined): Section => {
    const belongs = (row: { section: number }) => number === undefined || row.section === number
    const threads = mergeThreads(rows.filter(belongs))
    return {
      total: sumFigures(threads),
      threads,
      ...(stacks ? { stacks: mergeStacks(stackRows.filter(belongs)) } : {}),
    }
  }
  const whole = sectionOf(undefined)
  const counted = whole.total.writes.count + whole.total.reads.count
  return {
    ...whole,
    sections: Array.from({ length: sections }, (_, number) => sectionOf(number)),
    leftOut: maps.single('@leftOut'),
    lost: maps.single('@taken') - counted,
    unmatched: maps.single('@unmatched'),
  }
}

interface ThreadRow extends Acquisitions {
  section: number
  pid: number
  write: boolean
  thread: string
}

/** One row for each key of the form `section,pid,write,name`. Only the name may contain a comma. */
function threadRows(maps: Maps): ThreadRow[] {
  const rows = new Map<string, ThreadRow>()
  const rowOf = (key: string) => {
    const [section, pid, write, ...name] = key.split(',')
    const row = rows.get(key) ?? {
      section: Number(section),
      pid: Number(pid),
      write: write === '1',
      thread: name.join(','),
      ...sumUp([]),
    }
    rows.set(key, row)
    return row
  }
  for (const [key, { count, total }] of maps.keyed<Stats>('@waits')) {
    const row = rowOf(key)
    row.count = count
    row.waited.total = total
    row.waited.mean = total / count
  }
  for (const [key, longest] of maps.keyed<number>('@longest')) rowOf(key).waited.longest = longest
  for (const [key, buckets] of maps.histograms('@histogram')) {
    rowOf(key).waited.histogram = buckets
  }
  for (const [key, { count, total }] of maps.keyed<Stats>('@held')) rowOf(key).held = { total, mean: total / count }
  for (const [key, count] of maps.keyed<number>('@failed')) rowOf(key).failed = count
  return [...rows.values()]
}

function mergeThreads(rows: ThreadRow[]): ThreadFigures[] {
  return [...groupBy(rows, ({ pid, thread }) => `${pid},${thread}`).values()].map(([first, ...others]) => {
    const same = [first, ...others] as ThreadRow[]
    const { pid, thread } = same[0] as ThreadRow
    const of = (write: boolean) => sumUp(same.filter(row => row.write === write))
    return { pid, thread, writes: of(true), reads: of(false) }
  })
}

/** The sum of the figures of threads. */
export function sumFigures(all: readonly Figures[]): Figures {
  return { writes: sumUp(all.map(({ writes }) => writes)), reads: sumUp(all.map(({ reads }) => reads)) }
}

function sumUp(all: Acquisitions[]): Acquisitions {
  const sum = (of: (one: Acquisitions) => number) => all.reduce((total, one) => total + of(one), 0)
  const count = sum(one => one.count)
  const waited = sum(one => one.waited.total)
  const held = sum(one => one.held.total)
  return {
    count,
    waited: {
      total: waited,
      mean: count === 0 ? 0 : waited / count,
      longest: Math.max(0, ...all.map(one => one.waited.longest)),
      histogram: mergeHistograms(all.map(one => one.waited.histogram)),
    },
    held: { total: held, mean: count === 0 ? 0 : held / count },
    failed: sum(one => one.failed),
  }
}

type StackRow = StackFigures & { section: number }

/** The words of a key are `section,pid,write`, the callers, and the name. Only the name may contain a comma. */
function readStacks(maps: Maps, programs: Programs): StackRow[] {
  const rows = maps.stacks('@stacks').map(({ words, addresses, count, total }) => {
    const [section, pid, write] = words
    const found = words.slice(3, 3 + callers().length)
    const frames = framesOf(programs, Number(pid), addresses, found.map(BigInt))
    const thread = words.slice(3 + found.length).join(',')
    return { section: Number(section), write: write === '1', thread, count, waited: total, frames }
  })
  programs.nameMachineCode()
  return rows
}

function mergeStacks(rows: StackRow[]): StackFigures[] {
  return [...groupBy(rows, ({ thread, write, frames }) => [thread, write, ...frames.map(textOf)].join('\n')).values()]
    .map(same => {
      const { thread, write, frames } = same[0] as StackRow
      const sum = (of: (row: StackRow) => number) => same.reduce((total, row) => total + of(row), 0)
      return { thread, write, count: sum(row => row.count), waited: sum(row => row.waited), frames }
    })
    .sort((left, right) => right.waited - left.waited)
}
