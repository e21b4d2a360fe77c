// The ranges of one file that wait for the pool: those asked for in one turn of the loop leave together.

import type { NativeFile } from '#binding'
import { fileClosed } from './errors.js'
import { onPool, type Start, whenThereIsPlace } from './pool.js'
import { giveScratch, SCRATCH_BYTES, takeScratch } from './scratch.js'

/** Bytes after which a job takes no further range: short jobs let terminate(), other files and other callers in. */
const JOB_BYTES = { copy: SCRATCH_BYTES, view: 2 << 20, prefault: 2 << 20 } as const

/** Ranges per job: as many as keep a fast disk's queue full while their answers are not held up. */
const JOB_RANGES = 256

/** The longest piece of a range in one job. */
export const PIECE_BYTES = 8 << 20

/** What is done with a range: copied through scratch memory, populated for views, or populated for copies. */
export type Kind = keyof typeof JOB_BYTES

/** A whole range, of which requests are pieces. */
export interface Whole {
  /** Whether a job has taken one of its pieces: from then on close() waits for all of them. */
  begun: boolean
  /** Whether its caller has had an answer already; what is left of it is skipped. */
  settled: boolean
  /** Whether it may be given up while a job works at it. */
  canBeDropped: boolean
  /** Rejects it, unless it is settled. */
  fail(error: unknown): void
}

/** A piece of a range on its way. Those of kind `copy` have at most SCRATCH_BYTES, the others PIECE_BYTES. */
export interface Request {
  whole: Whole
  offset: number
  length: number
  /** Memory of ours that the job may write directly, and that nobody else knows yet; the piece then has a job of its own. */
  memory?: Uint8Array
  /** Called once, on the JS thread, unless the whole is settled; `bytes` are valid during the call only. */
  done(error: unknown, bytes?: Uint8Array): void
  /** Tells a job under way that the piece is not wanted any more. */
  drop?: () => void
}

/** The waiting and running requests of one file. */
export class Queue {
  /** The file that jobs work at, as it was at one moment. */
  readonly native: NativeFile
  readonly #wholes = new Set<Whole>()
  readonly #waiting: Record<Kind, Request[]> = { copy: [], view: [], prefault: [] }
  readonly #listed: Record<Kind, boolean> = { copy: false, view: false, prefault: false }
  #underWay = 0
  #whenIdle: Array<() => void> = []

  constructor(native: NativeFile) {
    this.native = native
  }

  /** Announces a range whose pieces will be added. */
  enter(whole: Whole): void {
    this.#wholes.add(whole)
  }

  /** The range is settled: no more of its pieces come. */
  leave(whole: Whole): void {
    this.#wholes.delete(whole)
    this.#lookIdle()
  }

  /** Adds a request, to leave with the others of this turn. */
  add(kind: Kind, request: Request): void {
    if (request.memory) {
      queueMicrotask(() => whenThereIsPlace(inAnyCase => this.#startSolo(request, inAnyCase)))
      return
    }
    this.#waiting[kind].push(request)
    if (this.#listed[kind]) return
    this.#listed[kind] = true
    queueMicrotask(() => whenThereIsPlace(this.#starter(kind)))
  }

  /** Runs another job of this file's on the pool, one that close() waits for as well. */
  run<T>(begin: (inAnyCase: boolean) => Promise<T> | null): Promise<T> {
    this.#underWay += 1
    return onPool(begin).finally(() => this.#done())
  }

  /** Rejects what has not begun, and resolves when all that has begun is done. */
  close(path: string): Promise<void> {
    for (const whole of this.#wholes) if (!whole.begun) whole.fail(fileClosed(path))
    return this.whenIdle()
  }

  /** Resolves when nothing waits or runs. */
  whenIdle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise(resolve => this.#whenIdle.push(resolve))
  }

  #starter(kind: Kind): Start {
    return inAnyCase => {
      const waiting = this.#waiting[kind]
      const batch: Request[] = []
      let taken = 0
      let bytes = 0
      while (taken < waiting.length && batch.length < JOB_RANGES) {
        const request = waiting[taken] as Request
        if (!request.whole.settled) {
          if (batch.length > 0 && bytes + request.length > JOB_BYTES[kind]) break
          batch.push(request)
          bytes += request.length
        }
        taken += 1
      }
      if (batch.length === 0) {
        waiting.length = 0
        this.#listed[kind] = false
        return undefined
      }
      const job = kind === 'copy' ? this.#startCopy(batch, inAnyCase) : this.#startPopulate(kind, batch, inAnyCase)
      if (job === null) return null
      waiting.splice(0, taken)
      // What is left goes to the end of the line, behind other files.
      if (waiting.length > 0) queueMicrotask(() => whenThereIsPlace(this.#starter(kind)))
      else this.#listed[kind] = false
      return job
    }
  }

  #startCopy(batch: Request[], inAnyCase: boolean): Promise<void> | null {
    const scratch = takeScratch()
    const unwanted = flags(batch)
    const job = this.native.readRanges(inAnyCase, offsets(batch), lengths(batch), scratch, unwanted)
    if (job === null) {
      giveScratch(scratch)
      return null
    }
    return this.#follow(job, batch, scratch).finally(() => giveScratch(scratch))
  }

  #startPopulate(kind: Kind, batch: Request[], inAnyCase: boolean): Promise<void> | null {
    const unwanted = flags(batch)
    const forViews = kind === 'view'
    const job = this.native.populateRanges(inAnyCase, offsets(batch), lengths(batch), forViews, unwanted)
    return job && this.#follow(job, batch)
  }

  #startSolo(request: Request, inAnyCase: boolean): Promise<void> | null | undefined {
    if (request.whole.settled) return undefined
    const batch = [request]
    const memory = request.memory as Uint8Array
    const job = this.native.readRanges(inAnyCase, offsets(batch), lengths(batch), memory, flags(batch))
    return job && this.#follow(job, batch, memory)
  }

  async #follow(job: Promise<Array<number | Error> | null>, batch: Request[], memory?: Uint8Array): Promise<void> {
    this.#underWay += 1
    for (const request of batch) request.whole.begun = true
    let failures: Array<number | Error> | null = null
    let broken: unknown
    try {
      failures = await job
    } catch (error) {
      broken = error
    }
    const errors = new Map<number, unknown>()
    for (let i = 0; failures && i < failures.length; i += 2) errors.set(failures[i] as number, failures[i + 1])
    let at = 0
    batch.forEach((request, index) => {
      const bytes = memory?.subarray(at, at + request.length)
      at += request.length
      if (!request.whole.settled) request.done(broken ?? errors.get(index), bytes)
    })
    this.#done()
  }

  #done(): void {
    this.#underWay -= 1
    this.#lookIdle()
  }

  #isIdle(): boolean {
    return this.#underWay === 0 && this.#wholes.size === 0
  }

  #lookIdle(): void {
    if (this.#isIdle()) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

const offsets = (batch: Request[]) => Float64Array.from(batch, request => request.offset)
const lengths = (batch: Request[]) => Float64Array.from(batch, request => request.length)

// Shared memory only where somebody could give a range up: most jobs have none.
function flags(batch: Request[]): Int32Array | undefined {
  if (!batch.some(request => request.whole.canBeDropped)) return undefined
  const unwanted = new Int32Array(new SharedArrayBuffer(4 * batch.length))
  batch.forEach((request, index) => {
    request.drop = () => Atomics.store(unwanted, index, 1)
  })
  return unwanted
}
