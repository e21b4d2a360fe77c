// The traced programs: reads their mappings while their processes are alive, and the names of their functions.

import { readFileSync, readlinkSync } from 'node:fs'
import { functionNames } from '#binding'
import { CodeMap } from './code-map.js'
import type { Frame } from './frames.js'

/**
 * Milliseconds between checks of a new program, which loads libraries. They double until they reach those of a running
 * one.
 */
const EARLY = 10
const LATE = 1000

/**
 * A part of the memory of a process that is mapped from a file, or that has a name in the kernel: `[heap]`, `[stack]`.
 */
export interface Part {
  start: bigint
  end: bigint
  /** The offset of `start` in the file. */
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
  /**
   * Whether it is the return address of a call, and not the position of the process. A return address may be the start
   * of the next function.
   */
  returned: boolean
}

class Program {
  /** Current and former mappings, by their lines in /proc. */
  readonly parts = new Map<string, Part>()
  readonly code: CodeMap
  timer: NodeJS.Timeout | undefined
  executable: string | undefined

  constructor(pid: number) {
    this.code = new CodeMap(pid)
  }

  /** The last mapping of an address is the current one. */
  partAt(address: bigint, suits: (part: Part) => boolean): Part | undefined {
    return [...this.parts.values()].findLast(part => part.start <= address && address < part.end && suits(part))
  }
}

export class Programs {
  readonly #programs = new Map<number, Program>()
  /** Frames of machine code, by object and offset. Each is named once, at the end. */
  readonly #machineCode = new Map<string, Map<number, Frame>>()
  readonly #known = new Map<string, Frame>()

  /** Checks a process now and repeatedly until it ends. Call it again when the process executes another program. */
  follow(pid: number, wait = EARLY): void {
    const program = this.#programs.get(pid) ?? new Program(pid)
    this.#programs.set(pid, program)
    clearTimeout(program.timer)
    if (this.look(pid)) program.timer = setTimeout(() => this.follow(pid, Math.min(2 * wait, LATE)), wait).unref()
  }

  /** Stops all checks. */
  leave(): void {
    for (const { timer, code } of this.#programs.values()) {
      clearTimeout(timer)
      code.read()
      code.close()
    }
  }

  /** Removes the code maps that the processes have written. */
  removeCodeMaps(): void {
    for (const { code } of this.#programs.values()) code.remove()
  }

  /** Reads the mappings of a process. Returns whether it is alive; earlier mappings are kept. */
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

  /** Reads the names that V8 has added since. */
  readNames(pid: number): void {
    this.#programs.get(pid)?.code.read()
  }

  /**
   * The mapping at the address; with `file`, only if it has that device and inode, otherwise another mapping of that
   * file.
   */
  partAt(pid: number, address: bigint, file?: string): Part | undefined {
    const program = this.#programs.get(pid)
    if (!program) return undefined
    const suits = (part: Part) => file === undefined || part.file === file
    const found = program.partAt(address, suits)
    if (found) return found
    this.look(pid)
    return program.partAt(address, suits) ?? [...program.parts.values()].find(part => part.file === file)
  }

  /** Whether the address is in machine code of a file, or in code that V8 has named. */
  isCode(pid: number, address: bigint): boolean {
    const { object, script, builtin } = this.frameAt({ pid, address, returned: true })
    return object !== undefined || script !== undefined || builtin === true
  }

  /** The function at an address. Machine code has its name only after `nameMachineCode()`. */
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

/** The path of the program, or the name of its first thread, which other users can read as well. */
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
