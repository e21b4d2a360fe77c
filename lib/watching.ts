// Watches the thread that it runs in: for turns of the event loop that are late, and page faults that the thread took in them.

import { channel } from 'node:diagnostics_channel'
import { openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parseMajorFaults, residentByFile } from './proc.js'

/** A turn of the event loop that was late, and had page faults in it. */
export interface FaultMessage {
  /** When it was over, in milliseconds since 1970. */
  at: number
  /** How late timers were, in milliseconds. */
  late: number
  /** Major page faults of this thread: those that waited for a disk, as the kernel counts them. */
  faults: number
  /** Files of which more is mapped in memory than at the last look, most first. What was evicted and came back does not show. */
  files: MappedGrowth[]
  /** How long ago that look was, in milliseconds. */
  since: number
}

/** A mapped file of which more is in memory than before. */
export interface MappedGrowth {
  /** Of the file. */
  path: string
  /** More than before. */
  bytes: number
}

/** Milliseconds between two looks at the counter of the kernel. */
const TICK = 20
/** How late a turn has to be, in milliseconds. */
const LATE = 50
/** Milliseconds between two looks at what is mapped, which take a thread of the pool and some parsing: a share of the time at most. */
const LOOK = 10_000
const SHARE = 1000
/** Milliseconds between two warnings. The channel has every message. */
const QUIET = 10_000

const CHANNEL = channel('faultless:fault')

interface Look {
  files: Map<string, number>
  at: number
}

let watching = false

/** Starts, once in each thread. False where the kernel does not tell, which is everywhere but on Linux. */
export function watchThread(): boolean {
  if (watching) return true
  const descriptor = openCounter()
  if (descriptor === undefined) return false
  watching = true
  const threshold = Number(process.env.FAULTLESS_WATCH_MS) || LATE
  const bytes = Buffer.alloc(1024)
  const majorFaults = () =>
    parseMajorFaults(bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0)))
  let before = majorFaults()
  let last: number | undefined
  const mapped = new MappedFiles()
  setInterval(() => {
    const now = performance.now()
    // What came before the first turn is the start of the program.
    const late = last === undefined ? 0 : now - last - TICK
    const faults = majorFaults() - before
    if (late > threshold && faults > 0) mapped.tell(late, faults)
    else mapped.look(now)
    before += faults
    last = performance.now()
  }, TICK).unref()
  return true
}

/** A file of /proc is that of the thread that opened it, whoever reads it. */
function openCounter(): number | undefined {
  try {
    return openSync('/proc/thread-self/stat', 'r')
  } catch {
    return undefined
  }
}

class MappedFiles {
  #last: Look | undefined
  #next = 0
  #warned = Number.NEGATIVE_INFINITY

  /** Remembers what is mapped, if that was long ago. */
  look(now: number): void {
    if (now >= this.#next) this.#look()
  }

  async tell(late: number, faults: number): Promise<void> {
    const now = performance.now()
    const at = performance.timeOrigin + now
    const before = this.#last
    const after = await this.#look()
    const files = [...(after?.files ?? [])]
      .map(([path, bytes]) => ({ path, bytes: bytes - (before?.files.get(path) ?? 0) }))
      .filter(({ bytes }) => bytes > 0)
      .sort((left, right) => right.bytes - left.bytes)
    const message: FaultMessage = { at, late, faults, files, since: now - (before?.at ?? 0) }
    CHANNEL.publish(message)
    if (now - this.#warned < QUIET) return
    this.#warned = now
    process.emitWarning(textOf(message), { type: 'FaultWarning', code: 'FAULTLESS_FAULT' })
  }

  /** Reading takes the pool, never this thread; parsing what was read takes it for a few milliseconds, and so seldom. */
  async #look(): Promise<Look | undefined> {
    this.#next = Number.POSITIVE_INFINITY
    try {
      const text = await readFile('/proc/self/smaps', 'latin1')
      const begun = performance.now()
      this.#last = { files: residentByFile(text), at: begun }
      this.#next = performance.now() + Math.max(LOOK, SHARE * (performance.now() - begun))
      return this.#last
    } catch {
      return undefined
    }
  }
}

function textOf({ late, faults, files, since }: FaultMessage): string {
  const [first] = files
  const grown =
    first && `; ${first.path} has ${first.bytes} bytes more in memory than ${Math.round(since / 1000)} s ago`
  const counted = faults === 1 ? 'a page fault' : `${faults} page faults`
  return (
    `the event loop was ${Math.round(late)} ms late: this thread waited for the disk in ${counted}, since it touched mapped memory ` +
    `that was not there${grown ?? ''}. npx faultless faults names the line`
  )
}
