// Traces page faults of running processes, or of a command and its descendants.

import { cannotTrace } from '../../../errors.js'
import { type CommandOptions, type Ended, followCommand, type Trace } from '../command.js'
import { type Obstacle, obstacleTo } from '../obstacle.js'
import { Tracer } from '../tracer.js'
import { faultProgram } from './bpftrace-program.js'
import { FaultReader, type FaultReport } from './report.js'
import { FaultSampler } from './sampler.js'

/** The obstacle to tracing page faults here; threads can then only be sampled. */
export const faultObstacle = (): Obstacle | undefined =>
  obstacleTo({ events: 'exceptions', needs: 'x86-64 and CONFIG_TRACING' })

export interface FaultOptions {
  /** Also times page faults without a wait, which makes each of them slower. */
  all?: boolean
  /** Samples threads every few milliseconds instead, which needs no root and finds less. */
  sampled?: boolean
}

class FaultTrace implements Trace<FaultReport> {
  readonly #tracer: Tracer
  readonly #reader: FaultReader

  constructor(tracer: Tracer, reader: FaultReader) {
    this.#tracer = tracer
    this.#reader = reader
  }

  async stop(): Promise<FaultReport> {
    const maps = await this.#tracer.stop()
    return this.#reader.report(maps, this.#tracer.programs)
  }

  async abandon(): Promise<void> {
    await this.#tracer.abandon()
  }

  removeNames(): void {
    this.#tracer.programs.removeCodeMaps()
  }
}

/**
 * Follows these processes, all their threads, and all their present and future descendants. Resolves when counting has
 * started. Rejects with ERR_UNSUPPORTED and the `obstacle` where tracing is not possible.
 */
export async function followFaults(
  pids: readonly number[],
  { all = false, sampled = false }: FaultOptions,
): Promise<Trace<FaultReport>> {
  if (sampled) return new FaultSampler(pids)
  const obstacle = faultObstacle()
  if (obstacle) throw cannotTrace('page faults', obstacle)
  const clock = { kernel: 0n, monotonic: 0n, milliseconds: 0 }
  const reader = new FaultReader(() => clock)
  const tracer = await Tracer.start(pids, {
    stacks: true,
    program: followed => faultProgram({ pids: followed, marker: process.pid, all }),
    onPrint(text, programs) {
      if (text.startsWith('T')) clock.kernel = BigInt(text.slice(2))
      else reader.read(text, programs)
    },
  })
  clock.milliseconds = performance.timeOrigin + performance.now()
  clock.monotonic = process.hrtime.bigint()
  process.kill(process.pid, 0)
  return new FaultTrace(tracer, reader)
}

export type FaultCommandReport = FaultReport & Ended

/** Runs a command to its end, and follows it and its descendants from its first instruction on. */
export async function faultsOfCommand(
  file: string,
  words: readonly string[] = [],
  { all = false, sampled = false, ...options }: CommandOptions & FaultOptions = {},
): Promise<FaultCommandReport> {
  return followCommand([file, ...words], options, true, pid => followFaults([pid], { all, sampled }))
}
