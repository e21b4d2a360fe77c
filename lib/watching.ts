// Reports late turns of the event loop in which the thread took page faults.

import { channel } from 'node:diagnostics_channel'
import { openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parseMajorFaults, residentByFile } from './proc.js'

/** A late turn of the event loop with page faults. */
export interface FaultMessage {
  /** When the turn ended, in milliseconds since 1970. */
  at: number
  /** How late timers were, in milliseconds. */
  late: number
  /** Major page faults of this thread, as the kernel counts them: each waited for a disk. */
  faults: number
  /**
   * Files of which more is in memory than at the last check, the largest growth first. Pages that were evicted and read
   * again do not show.
   */
  files: MappedGrowth[]
  /** Milliseconds since that check. */
  since: number
}

/** The growth of a mapped file in memory. */
export interface MappedGrowth {
  /** The path of the file. */
  path: string
  /** Bytes that are in memory now and were not before. */
  bytes: number
}

/** Milliseconds between two reads of the fault counter of the kernel. */
const TICK = 20
/** How late a turn has to be, in milliseconds. */
const LATE = 50
/**
 * Milliseconds between two checks of the mapped files, at least. A check takes a pool thread, and this thread for
 * parsing: at most 1/SHARE of the time.
 */
const LOOK = 10_000
const SHARE = 1000
/** Milliseconds between two warnings. The channel gets every message. */
const QUIET = 10_000

const CHANNEL = channel('faultless:fault')

interface Look {
  files: Map<string, number>
  at: number
}

let watching = false

/** Starts watching, once in each thread. Returns false where the kernel has no counter: on all platforms but Linux. */
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
    // The time before the first turn is the start of the program.
    const late = last === undefined ? 0 : now - last - TICK
    const faults = majorFaults() - before
    if (late > threshold && faults > 0) mapped.report(late, faults)
    else mapped.look(now)
    before += faults
    last = performance.now()
  }, TICK).unref()
  return true
}

/** /proc/thread-self belongs to the thread that opens it, whichever thread reads it. */
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

  /** Checks the mapped files, if the last check was long enough ago. */
  look(now: number): void {
    if (now >= this.#next) this.#look()
  }

  async report(late: number, faults: number): Promise<void> {
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

  /** Reads on the thread pool. Parsing takes this thread a few milliseconds, so it is rare. */
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
    `the event loop was ${Math.round(late)} ms late: this thread waited for the disk in ${counted}, because it touched mapped pages ` +
    `that were not in memory${grown ?? ''}. npx faultless faults shows the line`
  )
}
