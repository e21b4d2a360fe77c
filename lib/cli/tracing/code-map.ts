// The names that V8 gives to its compiled code in one process: reads the file that `node --perf-basic-prof` writes, as
// it grows.

import { closeSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { type Frame, frameOfCode } from './frames.js'

/** Flags for V8 to write that file, and to distinguish functions that are interpreted. */
const FLAGS = '--perf-basic-prof --interpreted-frames-native-stack'

/** The environment for a command with names of JavaScript functions. Every Node ≥ 20 takes these options there. */
export const withNames = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...env,
  NODE_OPTIONS: [env.NODE_OPTIONS, FLAGS].filter(Boolean).join(' '),
})

/** How to get names for a program that is started separately. */
export const HOW_TO_NAME = `start the program with NODE_OPTIONS='${FLAGS}'`

/** Code is indexed by page. */
const PAGE_BITS = 12n

interface Code {
  start: bigint
  end: bigint
  frame: Frame
}

export class CodeMap {
  readonly #path: string
  #descriptor: number | undefined
  #position = 0
  #rest = ''
  #pages = new Map<bigint, Code[]>()

  constructor(readonly pid: number) {
    this.#path = `/tmp/perf-${pid}.map`
  }

  /** Whether the process writes such a file. */
  get exists(): boolean {
    return this.#pages.size > 0
  }

  /** Reads new lines. The last name of an address is the current one. */
  read(): void {
    this.#descriptor ??= this.#open()
    if (this.#descriptor === undefined) return
    const bytes = Buffer.alloc(1 << 16)
    let text = this.#rest
    for (;;) {
      const count = readSync(this.#descriptor, bytes, 0, bytes.length, this.#position)
      if (count === 0) break
      this.#position += count
      text += bytes.toString('latin1', 0, count)
    }
    const lines = text.split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#add(Buffer.from(line, 'latin1').toString())
  }

  at(address: bigint): Frame | undefined {
    const near = this.#pages.get(address >> PAGE_BITS)
    return near?.findLast(({ start, end }) => start <= address && address < end)?.frame
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  /** Removes the file when it is no longer needed. */
  remove(): void {
    rmSync(this.#path, { force: true })
  }

  /** The file is in the /tmp that the process sees, under the process id that it has there. */
  #open(): number | undefined {
    for (const place of [this.#pathInside(), this.#path]) {
      try {
        if (place !== undefined) return openSync(place, 'r')
      } catch {
        // The file does not exist, or not yet.
      }
    }
    return undefined
  }

  #pathInside(): string | undefined {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
      const [, number] = /^NSpid:.*\t(\d+)$/m.exec(status) ?? []
      return `/proc/${this.pid}/root/tmp/perf-${number}.map`
    } catch {
      return undefined
    }
  }

  #add(line: string): void {
    const [, from, size, said = ''] = /^(?:0x)?([0-9a-f]+) ([0-9a-f]+) (.*)$/.exec(line) ?? []
    if (from === undefined) return
    const start = BigInt(`0x${from}`)
    const end = start + BigInt(`0x${size}`)
    const code: Code = { start, end, frame: frameOfCode(said) }
    for (let page = start >> PAGE_BITS; page <= end >> PAGE_BITS; page += 1n) {
      const near = this.#pages.get(page)
      if (near) near.push(code)
      else this.#pages.set(page, [code])
    }
  }
}
