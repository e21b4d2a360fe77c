// The programs that are traced: which object is mapped at an address of which process, looked up while the process lives, and
// the names of its functions, looked up when it is over.

import { readFileSync } from 'node:fs'
import { functionNames } from '#binding'

/** Milliseconds between looks at a program that has just begun, which loads libraries; they double up to those of one that runs. */
const EARLY = 10
const LATE = 1000

interface Part {
  start: bigint
  end: bigint
  /** Of `start` in the object's file. */
  offset: bigint
  object: string
}

/** An address on a stack of a process. */
export interface Place {
  pid: number
  address: bigint
  /** Whether it is where a call returns to, rather than where the process was: that can be the start of the next function. */
  returned: boolean
}

export class Programs {
  /** What is or was mapped in each process, by the line of /proc that told it. */
  readonly #parts = new Map<number, Map<string, Part>>()
  readonly #timers = new Map<number, NodeJS.Timeout>()

  /** Looks at a process now, and again and again until it ends: to be called anew when it starts a program. */
  follow(pid: number, wait = EARLY): void {
    clearTimeout(this.#timers.get(pid))
    this.#timers.delete(pid)
    if (!this.#look(pid)) return
    const timer = setTimeout(() => this.follow(pid, Math.min(2 * wait, LATE)), wait)
    this.#timers.set(pid, timer.unref())
  }

  /** Looks no more. */
  leave(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  /** The object whose code is or was at the address. */
  objectAt(pid: number, address: bigint): string | undefined {
    return this.#partAt(pid, address)?.object
  }

  /** What was at each place: `name (object)`, the address and the object where no name is found, and else the address alone. */
  describe(places: readonly Place[]): string[] {
    const parts = places.map(({ pid, address }) => this.#partAt(pid, address))
    const found: string[] = places.map(({ address }) => `0x${address.toString(16)}`)
    for (const object of new Set(parts.map(part => part?.object))) {
      if (object === undefined) continue
      const indices = [...places.keys()].filter(index => parts[index]?.object === object)
      const offsets = indices.map(index => offsetOf(places[index] as Place, parts[index] as Part))
      const names = functionNames(object, offsets)
      for (const [nth, index] of indices.entries()) found[index] = `${names[nth] ?? found[index]} (${object})`
    }
    return found
  }

  #partAt(pid: number, address: bigint): Part | undefined {
    // What came last is there now.
    return [...(this.#parts.get(pid)?.values() ?? [])].findLast(({ start, end }) => start <= address && address < end)
  }

  /** Whether the process lives. What was known of it stays. */
  #look(pid: number): boolean {
    try {
      const parts = this.#parts.get(pid) ?? new Map<string, Part>()
      for (const [line, part] of codeOf(readFileSync(`/proc/${pid}/maps`, 'utf8')))
        if (!parts.has(line)) parts.set(line, part)
      this.#parts.set(pid, parts)
      return true
    } catch {
      return false
    }
  }
}

const offsetOf = ({ address, returned }: Place, { start, offset }: Part) =>
  Number(address - (returned ? 1n : 0n) - start + offset)

// As in "7f0a40000000-7f0a40001000 r-xp 00000000 08:01 1234    /path".
function codeOf(maps: string): [line: string, Part][] {
  const pattern = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ \d+ +(\/.*)$/gm
  return [...maps.matchAll(pattern)].map(([line, start, end, offset, object = '']) => {
    return [line, { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), offset: BigInt(`0x${offset}`), object }]
  })
}
