// The report of a trace of page faults. Times are in nanoseconds, unless they say otherwise.

import type { Frame } from '../frames.js'
import { addressesOf, type Bucket, groupBy, type Maps, type Stats } from '../printed.js'
import { framesOf } from '../stacks.js'
import type { Part, Programs } from '../traced-processes.js'
import { callers } from '../tracer.js'
import { type Role, roleOf } from './threads.js'

/** The touched memory. */
export interface Memory {
  /** A file that the program has mapped; memory without a file, which was swapped out; the code of a program or a library. */
  kind: 'file' | 'anonymous' | 'code' | 'unknown'
  path?: string
  /** The offset in the file. */
  offset?: number
}

/** A page fault in which a thread waited. */
export interface Fault {
  pid: number
  tid: number
  /** When it began, in milliseconds since 1970. */
  at: number
  /** When it began, by the clock that `process.hrtime()` reads. */
  monotonic: number
  waited: number
  /** Whether the kernel counts it as major. A minor fault waits for a page that is being read already. */
  major: boolean
  memory: Memory
  /** The innermost function comes first. */
  frames: Frame[]
}

export interface ThreadFaults {
  pid: number
  tid: number
  /** The file that the process runs. */
  program: string
  /** The name of the thread in the kernel. */
  thread: string
  role: Role
  /** Page faults in which it waited, and the number of major ones among them. */
  faults: number
  major: number
  waited: { total: number; longest: number; histogram: Bucket[] }
  /** Page faults in which it did not wait, and their cost, if requested. */
  quick: number
  quickCost?: number
  /**
   * The time that it waited for block devices, reads included, by the delay accounting of the kernel; 0 where that is
   * off. Only where sampled.
   */
  blockIo?: number
}

/** The source of page faults in which no thread waited. */
export interface QuickStack {
  pid: number
  tid: number
  count: number
  cost: number
  frames: Frame[]
}

export interface FaultReport {
  /** Whether each fault was traced, or threads were sampled every few milliseconds. */
  method: 'traced' | 'sampled'
  threads: ThreadFaults[]
  faults: Fault[]
  quickStacks: QuickStack[]
  /** Whether JavaScript functions have names, in each process that runs JavaScript. */
  named: boolean
  /** Faults that were counted, and came too fast to be printed one by one. */
  lost: number
}

/** Both clocks and the date, at one moment. */
export interface Clock {
  kernel: bigint
  monotonic: bigint
  milliseconds: number
}

export class FaultReader {
  readonly #faults: (Omit<Fault, 'at' | 'monotonic'> & { begun: bigint })[] = []
  readonly #clock: () => Clock

  constructor(clock: () => Clock) {
    this.#clock = clock
  }

  /** Reads a printed fault while the process is alive and its mappings are unchanged. */
  read(text: string, programs: Programs): void {
    const [head = '', ...lines] = text.split('\n')
    const [, pid, tid, major, begun = 0, waited, address = 0, device, inode, ...found] = head.split(' ')
    programs.readNames(Number(pid))
    this.#faults.push({
      pid: Number(pid),
      tid: Number(tid),
      begun: BigInt(begun),
      waited: Number(waited),
      major: major === '1',
      memory: memoryAt(programs, Number(pid), BigInt(address), fileOf(Number(device), Number(inode))),
      frames: framesOf(programs, Number(pid), addressesOf(lines), callersIn(found)),
    })
  }

  report(maps: Maps, programs: Programs): FaultReport {
    const quickStacks = maps.stacks('@stacks').map(({ words: [pid, tid], addresses, count, total }) => {
      const frames = framesOf(programs, Number(pid), addresses, [])
      return { pid: Number(pid), tid: Number(tid), count, cost: total, frames }
    })
    programs.nameMachineCode()
    const { kernel, monotonic, milliseconds } = this.#clock()
    const faults = this.#faults.map(({ begun, ...fault }) => {
      const since = Number(begun - kernel)
      return { ...fault, at: milliseconds + since / 1e6, monotonic: Number(monotonic) + since }
    })
    const threads = threadsOf(maps, faults, programs)
    const lost = threads.reduce((sum, thread) => sum + thread.faults, 0) - faults.length
    return { method: 'traced', threads, faults, quickStacks, named: areNamed(programs, threads), lost }
  }
}

/** The callers at the start of these words. */
const callersIn = (words: string[]) => words.slice(0, callers().length).map(BigInt)

export const areNamed = (programs: Programs, threads: readonly { pid: number }[]): boolean =>
  threads.every(({ pid }) => !programs.runsJavaScript(pid) || programs.hasNames(pid))

/** The format of /proc/PID/maps: `fe:01 1234`. */
function fileOf(device: number, inode: number): string | undefined {
  const hex = (number: number) => number.toString(16).padStart(2, '0')
  return inode === 0 ? undefined : `${hex(device >>> 20)}:${hex(device & 0xfffff)} ${inode}`
}

function memoryAt(programs: Programs, pid: number, address: bigint, file: string | undefined): Memory {
  // A file system with several devices, as btrfs, reports another device than the kernel. Then only the address is
  // used.
  const part = programs.partAt(pid, address, file) ?? programs.partAt(pid, address)
  if (!part) return { kind: file === undefined ? 'anonymous' : 'unknown' }
  if (!part.object.startsWith('/')) return { kind: 'anonymous' }
  const inside = part.start <= address && address < part.end
  const offset = inside ? { offset: Number(address - part.start + part.offset) } : {}
  return { kind: isCode(part) ? 'code' : 'file', path: part.object, ...offset }
}

const isCode = ({ object, executable }: Part) => executable || /\.(node|so)$|\.so\.[\d.]+$|\/bin\/[^/]+$/.test(object)

function threadsOf(maps: Maps, faults: readonly Fault[], programs: Programs): ThreadFaults[] {
  const threads = new Map<number, ThreadFaults>()
  const threadOf = (key: string) => {
    const [pid, tid, ...name] = key.split(',')
    const thread = threads.get(Number(tid)) ?? {
      ...noFaults(Number(pid), Number(tid)),
      program: programs.nameOf(Number(pid)),
    }
    thread.thread = name.join(',')
    threads.set(thread.tid, thread)
    return thread
  }
  for (const [key, { count, total }] of maps.keyed<Stats>('@faults')) {
    const thread = threadOf(key)
    thread.faults += count
    thread.waited.total += total
  }
  for (const [key, longest] of maps.keyed<number>('@longest')) {
    const { waited } = threadOf(key)
    waited.longest = Math.max(waited.longest, longest)
  }
  for (const [key, buckets] of maps.histograms('@histogram')) threadOf(key).waited.histogram.push(...buckets)
  for (const [key, count] of maps.keyed<number>('@major')) threadOf(key).major += count
  for (const [key, count] of maps.keyed<number>('@quick')) threadOf(key).quick += count
  for (const [key, { total }] of maps.keyed<Stats>('@cost')) {
    const thread = threadOf(key)
    thread.quickCost = (thread.quickCost ?? 0) + total
  }
  return withRoles([...threads.values()], faults, programs)
}

export const noFaults = (pid: number, tid: number): ThreadFaults => ({
  pid,
  tid,
  program: '',
  thread: '',
  role: 'other',
  faults: 0,
  major: 0,
  waited: { total: 0, longest: 0, histogram: [] },
  quick: 0,
})

export function withRoles(
  threads: readonly ThreadFaults[],
  faults: readonly Fault[],
  programs: Programs,
): ThreadFaults[] {
  const byThread = groupBy(faults, ({ tid }) => String(tid))
  return threads.map(thread => {
    const stacks = (byThread.get(String(thread.tid)) ?? []).map(({ frames }) => frames)
    const isMain = thread.pid === thread.tid && programs.runsJavaScript(thread.pid)
    return { ...thread, role: roleOf(isMain, thread.thread, stacks) }
  })
}
