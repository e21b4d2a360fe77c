// What a trace of mmap_lock found, made of what bpftrace prints. All times are in nanoseconds.

import { type Frame, textOf } from '../frames.js'
import { type Bucket, groupBy, type Maps, mergeHistograms, type Stats } from '../printed.js'
import { framesOf } from '../stacks.js'
import type { Programs } from '../traced-processes.js'
import { callers } from '../tracer.js'

/** One kind of acquisition, for writing or for reading. */
export interface Acquisitions {
  count: number
  /** From asking for the lock to having it: also what is free takes its moment. */
  waited: { total: number; mean: number; longest: number; histogram: Bucket[] }
  /** From having it to letting go of it. */
  held: { total: number; mean: number }
  /** Attempts that did not wait, and others that were given up. */
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

/** Where in the program the lock was taken: the frame next to the kernel comes first. */
export interface StackFigures {
  thread: string
  write: boolean
  count: number
  waited: number
  frames: Frame[]
}

/** What was found between two marks. */
export interface Section {
  total: Figures
  threads: ThreadFigures[]
  /** Those that waited longest in sum come first. Only where stacks were asked for. */
  stacks?: StackFigures[]
}

export interface LockReport extends Section {
  /** One for each stretch between marks, in order; a single one where none were made. */
  sections: Section[]
  /** Times that other processes asked for a lock of theirs: they were seen, and left out. */
  leftOut: number
  /** Acquisitions that were counted, but found no room under their thread's name. */
  lost: number
  /** Acquisitions that had been asked for before the trace began. */
  unmatched: number
}

/** @param programs what was mapped where in the processes whose stacks were collected */
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

/** A row for each key of the form `section,pid,write,name`: only a name may hold a comma. */
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

/** What threads came to together. */
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

/** The words of a key are `section,pid,write`, the callers, and the name: only that may hold a comma. */
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
