// Page faults without the kernel's events: samples the threads of processes every few milliseconds, which needs no
// root.

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { parseMajorFaults, statField } from '../../../proc.js'
import type { Trace } from '../command.js'
import type { Frame } from '../frames.js'
import type { Bucket } from '../printed.js'
import { withDescendants } from '../process-tree.js'
import { framesOf } from '../stacks.js'
import { Programs } from '../traced-processes.js'
import { areNamed, type Fault, type FaultReport, noFaults, type ThreadFaults, withRoles } from './report.js'

/** Milliseconds between two samples of threads, and between two reads of the list of processes. */
export const INTERVAL = 5
const CENSUS = 20
/** Nanoseconds in a tick of /proc/PID/stat: USER_HZ is 100 on all platforms of Node. */
const TICK = 1e7
/** Bytes of a stack to search for callers, and the number of callers to find. */
const STACK = 1 << 16
const DEPTH = 96
/** This many frame pointers in a row are not found by chance. */
const CERTAIN = 8

interface Look {
  name: string
  blocked: boolean
  minor: number
  major: number
  /** Nanoseconds that it waited for block devices; 0 where the kernel does not count them. */
  blockIo: number
}

interface Wait {
  fault: Fault
  /**
   * Whether it certainly is a page fault: the thread was in no system call. Otherwise it counts only if the number of
   * major faults has grown when it ends.
   */
  certain: boolean
  majorBefore: number
}

interface Sampled {
  figures: ThreadFaults
  before: Look
  last: Look
  wait?: Wait
}

export class FaultSampler implements Trace<FaultReport> {
  readonly #pids: readonly number[]
  readonly #programs = new Programs()
  readonly #threads = new Map<number, Sampled>()
  readonly #faults: Fault[] = []
  readonly #timer: NodeJS.Timeout
  readonly #childrenBefore = childrenFaults()
  #processes: number[] = []
  #lastCensus = Number.NEGATIVE_INFINITY
  #lastLook = performance.now()

  constructor(pids: readonly number[]) {
    this.#pids = pids
    this.#look(true)
    this.#timer = setInterval(() => this.#look(false), INTERVAL)
  }

  async stop(): Promise<FaultReport> {
    this.#look(false)
    await this.abandon()
    for (const thread of this.#threads.values()) this.#end(thread)
    this.#programs.nameMachineCode()
    const threads = [...this.#threads.values()].map(({ figures, before, last }): ThreadFaults => {
      const [faults, quick] = [last.major - before.major, last.minor - before.minor]
      const ofThread = this.#faults.filter(({ tid }) => tid === figures.tid)
      const times = ofThread.map(({ waited }) => waited)
      return {
        ...figures,
        program: this.#programs.nameOf(figures.pid),
        thread: last.name,
        faults,
        major: faults,
        quick,
        waited: { total: sum(times), longest: Math.max(0, ...times), histogram: histogramOf(times) },
        blockIo: last.blockIo - before.blockIo,
      }
    })
    const seen = sum(threads.map(({ faults }) => faults))
    return {
      method: 'sampled',
      threads: withRoles(threads, this.#faults, this.#programs),
      faults: this.#faults,
      quickStacks: [],
      named: areNamed(this.#programs, threads),
      // Faults of children that ended after their last sample.
      lost: Math.max(0, childrenFaults() - this.#childrenBefore - seen),
    }
  }

  async abandon(): Promise<void> {
    clearInterval(this.#timer)
    this.#programs.leave()
  }

  removeNames(): void {
    this.#programs.removeCodeMaps()
  }

  /** @param first whether earlier faults of the threads are ignored */
  #look(first: boolean): void {
    const now = performance.now()
    const passed = 1e6 * (now - this.#lastLook)
    this.#lastLook = now
    if (now - this.#lastCensus > CENSUS) {
      this.#lastCensus = now
      const processes = withDescendants(this.#pids)
      for (const pid of processes) if (!this.#processes.includes(pid)) this.#programs.follow(pid)
      this.#processes = processes
    }
    for (const pid of this.#processes) {
      for (const tid of threadsOf(pid)) this.#lookAt(pid, tid, passed, first)
    }
  }

  #lookAt(pid: number, tid: number, passed: number, first: boolean): void {
    const look = statOf(pid, tid)
    if (!look) return
    const nothing = { ...look, minor: 0, major: 0, blockIo: 0 }
    const thread = this.#threads.get(tid) ?? { figures: noFaults(pid, tid), before: first ? look : nothing, last: look }
    this.#threads.set(tid, thread)
    thread.last = look
    if (thread.wait && (!look.blocked || look.major > thread.wait.majorBefore)) this.#end(thread)
    if (!look.blocked) return
    thread.wait ??= this.#begin(pid, tid, look)
    thread.wait.fault.waited += passed
  }

  #begin(pid: number, tid: number, { major }: Look): Wait {
    const place = placeOf(pid, tid)
    const fault: Fault = {
      pid,
      tid,
      at: performance.timeOrigin + performance.now(),
      monotonic: Number(process.hrtime.bigint()),
      waited: 0,
      major: true,
      memory: { kind: 'unknown' },
      frames: place ? this.#framesAt(pid, place) : [],
    }
    return { fault, certain: place?.call === -1, majorBefore: major }
  }

  #end(thread: Sampled): void {
    const { wait, last } = thread
    delete thread.wait
    if (wait && (wait.certain || last.major > wait.majorBefore)) this.#faults.push(wait.fault)
  }

  /**
   * The kernel reports the position of the thread and the end of its stack. Frame pointers are followed from the first
   * word of the stack that begins a chain of them: each must have an address of code next to it.
   */
  #framesAt(pid: number, { sp, pc }: { sp: bigint; pc: bigint }): Frame[] {
    this.#programs.look(pid)
    const stack = memoryOf(pid, sp)
    const top = sp + BigInt(stack.length)
    const word = (address: bigint) => stack.readBigUInt64LE(Number(address - sp))
    const leads = (at: bigint) =>
      at + 16n <= top && word(at) > at && word(at) < top && this.#programs.isCode(pid, word(at + 8n))
    const addresses = [pc]
    let frame = sp
    const isChain = (at: bigint, length: number): boolean =>
      length === 0 || (leads(at) && isChain(word(at), length - 1))
    while (frame + 16n <= top && !isChain(frame, CERTAIN)) frame += 8n
    for (; addresses.length < DEPTH && frame % 8n === 0n && leads(frame); frame = word(frame))
      addresses.push(word(frame + 8n))
    return framesOf(this.#programs, pid, addresses, [])
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number)
  } catch {
    // The process has ended meanwhile.
    return []
  }
}

function statOf(pid: number, tid: number): Look | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8')
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'))
    const field = (number: number) => Number(statField(text, number))
    const blocked = statField(text, 3) === 'D'
    return { name, blocked, minor: field(10), major: parseMajorFaults(text), blockIo: TICK * field(42) }
  } catch {
    return undefined
  }
}

/**
 * The system call of a blocked thread, -1 for none, and its position in the program and on its stack. Other users
 * cannot read it.
 */
function placeOf(pid: number, tid: number): { call: number; sp: bigint; pc: bigint } | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/task/${tid}/syscall`, 'utf8').trim().split(' ')
    const [sp, pc] = words.slice(-2)
    return sp !== undefined && pc !== undefined && sp !== pc
      ? { call: Number(words[0]), sp: BigInt(sp), pc: BigInt(pc) }
      : undefined
  } catch {
    return undefined
  }
}

function memoryOf(pid: number, address: bigint): Buffer {
  const bytes = Buffer.alloc(STACK)
  let count = 0
  let memory: number | undefined
  try {
    memory = openSync(`/proc/${pid}/mem`, 'r')
    count = readSync(memory, bytes, 0, STACK, address)
  } catch {
    // The process has ended, or belongs to another user.
  } finally {
    if (memory !== undefined) closeSync(memory)
  }
  return bytes.subarray(0, count)
}

/** Major faults of the children of this process that have ended. */
function childrenFaults(): number {
  return Number(statField(readFileSync('/proc/self/stat', 'utf8'), 13))
}

/** A histogram by powers of two, as those of bpftrace. */
function histogramOf(times: readonly number[]): Bucket[] {
  const buckets: Bucket[] = []
  for (const time of [...times].sort((left, right) => left - right)) {
    const from = 2 ** Math.floor(Math.log2(Math.max(time, 1)))
    const last = buckets.at(-1)
    if (last?.from === from) last.count += 1
    else buckets.push({ from, to: 2 * from, count: 1 })
  }
  return buckets
}
