// What a trace of mmap_lock found, made of what bpftrace prints. All times are in nanoseconds.

import { type Place, Programs } from './programs.js'

/** How many acquisitions waited for at least `from` and less than `to`. */
export interface Bucket {
  from: number
  to: number
  count: number
}

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
  frames: string[]
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

type Stats = { count: number; average: number; total: number }
type RawBucket = { min?: number; max?: number; count: number }
/** What bpftrace prints of each map: a value, or values by key. */
type Maps = Map<string, unknown>

/**
 * @param printed lines of JSON
 * @param programs what was mapped where in the processes whose stacks were collected
 */
export function lockReport(printed: string, sections: number, stacks: boolean, programs = new Programs()): LockReport {
  const maps = readMaps(printed)
  const rows = threadRows(maps)
  const stackRows = stacks ? readStacks(printed, programs) : []
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
    leftOut: single(maps, '@leftOut'),
    lost: single(maps, '@taken') - counted,
    unmatched: single(maps, '@unmatched'),
  }
}

/** Of a map that was printed several times the last counts. */
function readMaps(printed: string): Maps {
  return new Map(printedMaps(printed))
}

function printedMaps(printed: string): [name: string, value: unknown][] {
  return printed
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(withoutEscapes(line)) as { type: string; data: Record<string, unknown> })
    .filter(({ type }) => ['map', 'stats', 'hist'].includes(type))
    .flatMap(({ data }) => Object.entries(data))
}

/** Bytes of names that are not ASCII come with their sign spread over 32 bits, which JSON knows nothing of. */
function withoutEscapes(line: string): string {
  return line.replace(/(\\uffffff[0-9a-f]{2})+/g, escapes =>
    Buffer.from(escapes.replaceAll('\\uffffff', ''), 'hex').toString(),
  )
}

const single = (maps: Maps, name: string) => (maps.get(name) as number | undefined) ?? 0
const keyed = <T>(maps: Maps, name: string) => Object.entries((maps.get(name) ?? {}) as Record<string, T>)

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
  for (const [key, { count, total }] of keyed<Stats>(maps, '@waits')) {
    const row = rowOf(key)
    row.count = count
    row.waited.total = total
    row.waited.mean = total / count
  }
  for (const [key, longest] of keyed<number>(maps, '@longest')) rowOf(key).waited.longest = longest
  for (const [key, buckets] of keyed<RawBucket[]>(maps, '@histogram')) {
    rowOf(key).waited.histogram = buckets.map(({ min = 0, max = min, count }) => ({ from: min, to: max + 1, count }))
  }
  for (const [key, { count, total }] of keyed<Stats>(maps, '@held')) rowOf(key).held = { total, mean: total / count }
  for (const [key, count] of keyed<number>(maps, '@failed')) rowOf(key).failed = count
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

/** Empty buckets between others stay in, so that a histogram can be drawn as it is. */
function mergeHistograms(histograms: Bucket[][]): Bucket[] {
  return [...groupBy(histograms.flat(), ({ from }) => String(from)).values()]
    .map(same => ({ ...(same[0] as Bucket), count: same.reduce((sum, { count }) => sum + count, 0) }))
    .sort((left, right) => left.from - right.from)
}

type StackRow = StackFigures & { section: number }

function readStacks(printed: string, programs: Programs): StackRow[] {
  const line = printed.split('\n').findLast(text => text.includes('"@stacks"')) ?? ''
  const rows = stackEntries(line).map(({ key, ...figures }) => ({ ...parseStack(key), ...figures }))
  const names = namesOf(rows, programs)
  return rows.map(({ pid, caller, addresses, total, ...row }) => {
    const frames = addresses.map((address, depth) => names.get(keyOf(pid, address, depth > 0)) as string)
    const callerFrame = names.get(keyOf(pid, caller, true)) as string
    return { ...row, waited: total, frames: withCaller(frames, callerFrame, programs.objectAt(pid, caller)) }
  })
}

const keyOf = (pid: number, address: bigint, returned: boolean) => `${pid} ${address} ${returned}`

/** What is said of each place that the stacks have, each looked up once. */
function namesOf(rows: { pid: number; caller: bigint; addresses: bigint[] }[], programs: Programs) {
  const places = new Map<string, Place>()
  const add = (pid: number, address: bigint, returned: boolean) =>
    places.set(keyOf(pid, address, returned), { pid, address, returned })
  for (const { pid, caller, addresses } of rows) {
    add(pid, caller, true)
    for (const [depth, address] of addresses.entries()) add(pid, address, depth > 0)
  }
  const said = programs.describe([...places.values()])
  return new Map([...places.keys()].map((key, index) => [key, said[index] as string]))
}

/** Each thread has an entry of its own, under a key that looks the same: JSON.parse() would keep the last of them. */
function stackEntries(line: string): { key: string; count: number; total: number }[] {
  const entry = /("(?:[^"\\]|\\.)*"): \{"count": (\d+), "average": \d+, "total": (\d+)\}/g
  return [...line.matchAll(entry)].map(([, key = '', count, total]) => {
    return { key: JSON.parse(key), count: Number(count), total: Number(total) }
  })
}

/** A key is `section,pid,write,caller,name,` and then the addresses, each on a line of its own. */
function parseStack(key: string) {
  const [head = '', ...lines] = key.split('\n')
  const [section, pid, write, caller = '0', ...name] = head.split(',')
  return {
    section: Number(section),
    pid: Number(pid),
    write: write === '1',
    caller: BigInt(caller),
    thread: name.slice(0, -1).join(','),
    addresses: lines.flatMap(line => /^\s*([0-9a-f]+)\b/.exec(line)?.[1] ?? []).map(address => BigInt(`0x${address}`)),
  }
}

/**
 * The caller goes between a function of libc's and the frame that its frame pointer led to, where it is of another object than
 * both: what has a name is better than what has none.
 */
function withCaller([first, ...rest]: string[], caller: string, object: string | undefined): string[] {
  if (first === undefined) return []
  const known = [first, rest[0]].some(frame => frame?.endsWith(`(${object})`))
  return object === undefined || known ? [first, ...rest] : [first, caller, ...rest]
}

function mergeStacks(rows: StackRow[]): StackFigures[] {
  return [...groupBy(rows, ({ thread, write, frames }) => [thread, write, ...frames].join('\n')).values()]
    .map(same => {
      const { thread, write, frames } = same[0] as StackRow
      const sum = (of: (row: StackRow) => number) => same.reduce((total, row) => total + of(row), 0)
      return { thread, write, count: sum(row => row.count), waited: sum(row => row.waited), frames }
    })
    .sort((left, right) => right.waited - left.waited)
}

function groupBy<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group) group.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
