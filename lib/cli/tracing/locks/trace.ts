// Traces mmap_lock in running processes, or in a command and its descendants.

import { cannotTrace } from '../../../errors.js'
import { type CommandOptions, type Ended, followCommand, type Trace } from '../command.js'
import { type Obstacle, obstacleTo } from '../obstacle.js'
import { Tracer } from '../tracer.js'
import { lockProgram } from './bpftrace-program.js'
import { type LockReport, lockReport } from './report.js'

/** The first obstacle to tracing `mmap_lock`, or undefined without one. Changes nothing on the machine. */
export const tracingObstacle = (): Obstacle | undefined =>
  obstacleTo({ events: 'mmap_lock', needs: 'Linux 5.11 or later and CONFIG_TRACING' })

export interface TraceOptions {
  /** Collects the user stacks of acquisitions, which makes each of them slower. */
  stacks?: boolean
  /** Lets `mark()` split the trace into sections. */
  marks?: boolean
}

export class LockTrace implements Trace<LockReport> {
  #tracer: Tracer
  #sections = 1
  #options: TraceOptions

  /**
   * Follows these processes, all their threads, and all their present and future descendants. Resolves when counting
   * has started. Rejects with ERR_UNSUPPORTED and the `obstacle` where tracing is not possible.
   */
  static async start(pids: readonly number[], options: TraceOptions = {}): Promise<LockTrace> {
    const obstacle = tracingObstacle()
    if (obstacle) throw cannotTrace('mmap_lock', obstacle)
    const { stacks = false, marks = false } = options
    const marker = marks ? process.pid : undefined
    const program = (all: readonly number[]) => lockProgram({ pids: all, stacks, marker })
    return new LockTrace(await Tracer.start(pids, { program, stacks }), options)
  }

  private constructor(tracer: Tracer, options: TraceOptions) {
    this.#tracer = tracer
    this.#options = options
  }

  /** Begins the next section. */
  mark(): void {
    if (!this.#options.marks) throw new TypeError('mark() needs a trace that was started with marks: true')
    process.kill(process.pid, 0)
    this.#sections += 1
  }

  /** Ends the trace. */
  async stop(): Promise<LockReport> {
    const maps = await this.#tracer.stop()
    return lockReport(maps, this.#sections, this.#options.stacks ?? false, this.#tracer.programs)
  }

  /** Ends the trace without a report. */
  async abandon(): Promise<void> {
    await this.#tracer.abandon()
  }

  removeNames(): void {
    this.#tracer.programs.removeCodeMaps()
  }
}

export type CommandReport = LockReport & Ended

/** Runs a command to its end, and follows it and its descendants from its first instruction on. */
export async function traceCommand(
  file: string,
  words: readonly string[] = [],
  { stacks = false, marks = false, ...options }: CommandOptions & TraceOptions = {},
): Promise<CommandReport> {
  return followCommand([file, ...words], options, stacks, pid => LockTrace.start([pid], { stacks, marks }))
}
