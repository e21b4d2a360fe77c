// The programs that are traced: what is mapped at an address of which process, looked up while the process lives, and the names of
// its functions.

import { readFileSync, readlinkSync } from 'node:fs'
import { functionNames } from '#binding'
import { CodeMap } from './code-map.js'
import type { Frame } from './frames.js'

/** Milliseconds between looks at a program that has just begun, which loads libraries; they double up to those of one that runs. */
const EARLY = 10
const LATE = 1000

/** A part of a process's memory that is mapped from a file, or that the kernel has a name for: `[heap]`, `[stack]`. */
export interface Part {
  start: bigint
  end: bigint
  /** Of `start` in the file. */
  offset: bigint
  /** The path of the file, or the name. */
  object: string
  /** The device and the inode of the file: `fe:01 1234`. */
  file: string
  executable: boolean
}

/** An address on a stack of a process. */
export interface Place {
  pid: number
  address: bigint
  /** Whether it is where a call returns to, rather than where the process was: that can be the start of the next function. */
  returned: boolean
}

class Program {
  /** What is or was mapped, by the line of /proc that told it. */
  readonly parts = new Map<string, Part>()
  readonly code: CodeMap
  timer: NodeJS.Timeout | undefined
  executable: string | undefined

  constructor(pid: number) {
    this.code = new CodeMap(pid)
  }

  /** What came last is there now. */
  partAt(address: bigint, suits: (part: Part) => boolean): Part | undefined {
    return [...this.parts.values()].findLast(part => part.start <= address && address < part.end && suits(part))
  }
}

export class Programs {
  readonly #programs = new Map<number, Program>()
  /** Frames in machine code, by object and offset: each of them is named once, when all is over. */
  readonly #machineCode = new Map<string, Map<number, Frame>>()
  readonly #known = new Map<string, Frame>()

  /** Looks at a process now, and again and again until it ends: to be called anew when it starts a program. */
  follow(pid: number, wait = EARLY): void {
    const program = this.#programs.get(pid) ?? new Program(pid)
    this.#programs.set(pid, program)
    clearTimeout(program.timer)
    if (this.look(pid)) program.timer = setTimeout(() => this.follow(pid, Math.min(2 * wait, LATE)), wait).unref()
  }

  /** Looks no more. */
  leave(): void {
    for (const { timer, code } of this.#programs.values()) {
      clearTimeout(timer)
      code.read()
      code.close()
    }
  }

  /** Takes away what the processes have written for us. */
  removeCodeMaps(): void {
    for (const { code } of this.#programs.values()) code.remove()
  }

  /** Whether the process lives. What was known of it stays. */
  look(pid: number): boolean {
    const program = this.#programs.get(pid)
    if (!program) return false
    program.code.read()
    try {
      program.executable = executableOf(pid)
      for (const [line, part] of partsOf(readFileSync(`/proc/${pid}/maps`, 'utf8')))
        if (!program.parts.has(line)) program.parts.set(line, part)
      return true
    } catch {
      return false
    }
  }

  /** Whether V8 runs in the process. */
  runsJavaScript(pid: number): boolean {
    const program = this.#programs.get(pid)
    return (
      program !== undefined &&
      (program.code.exists || /(^|\/)(node|nodejs|electron|MainThread|node-MainThread)$/.test(program.executable ?? ''))
    )
  }

  hasNames = (pid: number): boolean => this.#programs.get(pid)?.code.exists ?? false

  /** The last component of the path of the program's file. */
  nameOf = (pid: number): string => this.#programs.get(pid)?.executable?.replace(/.*\//, '') ?? 'a process'

  /** Reads what V8 has named since. */
  readNames(pid: number): void {
    this.#programs.get(pid)?.code.read()
  }

  /** What is mapped at the address; with `file`, only if it is of that device and inode, wherever else that file is mapped. */
  partAt(pid: number, address: bigint, file?: string): Part | undefined {
    const program = this.#programs.get(pid)
    if (!program) return undefined
    const suits = (part: Part) => file === undefined || part.file === file
    const found = program.partAt(address, suits)
    if (found) return found
    this.look(pid)
    return program.partAt(address, suits) ?? [...program.parts.values()].find(part => part.file === file)
  }

  /** Whether it is an address in machine code of a file, or in code that V8 has made and named. */
  isCode(pid: number, address: bigint): boolean {
    const { object, script, builtin } = this.frameAt({ pid, address, returned: true })
    return object !== undefined || script !== undefined || builtin === true
  }

  /** The function at a place. Machine code has its name only after `nameMachineCode()`. */
  frameAt({ pid, address, returned }: Place): Frame {
    const program = this.#programs.get(pid)
    const inside = returned ? address - 1n : address
    const compiled = program?.code.at(inside)
    if (compiled) return compiled
    const key = `${pid} ${inside}`
    const known = this.#known.get(key)
    if (known) return known
    const name = `0x${address.toString(16)}`
    const part = program?.partAt(address, ({ executable }) => executable)
    if (!part) return { name }
    const places = this.#machineCode.get(part.object) ?? new Map<number, Frame>()
    this.#machineCode.set(part.object, places)
    const offset = Number(inside - part.start + part.offset)
    const frame = places.get(offset) ?? { name, object: part.object }
    places.set(offset, frame)
    this.#known.set(key, frame)
    return frame
  }

  nameMachineCode(): void {
    for (const [object, places] of this.#machineCode) {
      const names = functionNames(object, [...places.keys()])
      for (const [nth, frame] of [...places.values()].entries()) {
        const name = names[nth] ?? frame.name
        frame.name = name.replace(/^Builtins_/, '')
        if (frame.name === name) continue
        frame.builtin = true
        delete frame.object
      }
    }
    this.#machineCode.clear()
  }
}

/** The path of the program's file, or the name of its first thread, which other users may know as well. */
function executableOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`)
  } catch {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd()
  }
}

// As in "7f0a40000000-7f0a40001000 r-xp 00000000 08:01 1234    /path".
function partsOf(maps: string): [line: string, Part][] {
  const pattern = /^([0-9a-f]+)-([0-9a-f]+) ..(.). ([0-9a-f]+) (\S+ \d+) +([/[].*)$/gm
  return [...maps.matchAll(pattern)].map(([line, start, end, executable, offset, file = '', object = '']) => {
    const part = { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), offset: BigInt(`0x${offset}`) }
    return [line, { ...part, object, file, executable: executable === 'x' }]
  })
}
