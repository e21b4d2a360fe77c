// The programs that are traced: which object is mapped at an address of which process, looked up while the process lives.

import { readFileSync } from 'node:fs'

interface Part {
  start: bigint
  end: bigint
  object: string
}

export class Programs {
  readonly #parts = new Map<number, Part[]>()

  /** Looks where the code of a process is now. What it knew stays where the process has ended. */
  look(pid: number): void {
    try {
      this.#parts.set(pid, codeOf(readFileSync(`/proc/${pid}/maps`, 'utf8')))
    } catch {
      // It has ended.
    }
  }

  /** The object whose code is at the address. */
  objectAt(pid: number, address: bigint): string | undefined {
    return this.#parts.get(pid)?.find(({ start, end }) => start <= address && address < end)?.object
  }
}

// As in "7f0a40000000-7f0a40001000 r-xp 00000000 08:01 1234    /path".
function codeOf(maps: string): Part[] {
  const line = /^([0-9a-f]+)-([0-9a-f]+) ..x. \S+ \S+ \d+ +(\/.*)$/gm
  return [...maps.matchAll(line)].map(([, start, end, object = '']) => {
    return { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), object }
  })
}
