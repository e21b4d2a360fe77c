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

/** A range on its way. Those of kind `copy` have at most SCRATCH_BYTES, the others PIECE_BYTES. */
export interface Request {
  offset: number
  length: number
  /** Memory of ours that the job may write directly, and that nobody else knows yet; the range then has a job of its own. */
  memory?: Uint8Array
  /** Called once, on the JS thread; `bytes` are valid during the call only. */
  done(error: unknown, bytes?: Uint8Array): void
  /** Whether it may be given up on its way. */
  canBeDropped?: boolean
  /** Set by whoever gave the request up and has answered its caller. */
  dropped?: boolean
  /** Tells a job under way that the range is not wanted any more. */
  drop?: () => void
}

/** The waiting and running requests of one file. */
export class Queue {
  readonly #native: () => NativeFile
  readonly #waiting: Record<Kind, Request[]> = { copy: [], view: [], prefault: [] }
  readonly #listed: Record<Kind, boolean> = { copy: false, view: false, prefault: false }
  readonly #solo = new Set<Request>()
  #underWay = 0
  #whenIdle: Array<() => void> = []

  constructor(native: () => NativeFile) {
    this.#native = native
  }

  /** Adds a request, to leave with the others of this turn. */
  add(kind: Kind, request: Request): void {
    if (request.memory) {
      this.#solo.add(request)
      queueMicrotask(() => whenThereIsPlace(inAnyCase => this.#startSolo(request, inAnyCase)))
      return
    }
    this.#waiting[kind].push(request)
    if (this.#listed[kind]) return
    this.#listed[kind] = true
    queueMicrotask(() => whenThereIsPlace(this.#starter(kind)))
  }

  /** Runs another job of this file's on the pool, one that close() waits for as well. */
  run<T>(begin: (inAnyCase: boolean) => Promise<T> | null, signal?: AbortSignal): Promise<T> {
    this.#underWay += 1
    return onPool(begin, signal).finally(() => this.#done())
  }

  /** Rejects what has not begun, and resolves when all that has begun is done. */
  close(path: string): Promise<void> {
    const unbegun = [...this.#solo, ...Object.values(this.#waiting).flat()]
    this.#solo.clear()
    for (const kind of Object.keys(this.#waiting) as Kind[]) this.#waiting[kind] = []
    for (const request of unbegun) {
      if (request.dropped) continue
      request.dropped = true
      request.done(fileClosed(path))
    }
    return this.#underWay === 0 ? Promise.resolve() : new Promise(resolve => this.#whenIdle.push(resolve))
  }

  #starter(kind: Kind): Start {
    return inAnyCase => {
      const waiting = this.#waiting[kind]
      const batch: Request[] = []
      let taken = 0
      let bytes = 0
      while (taken < waiting.length && batch.length < JOB_RANGES) {
        const request = waiting[taken] as Request
        if (!request.dropped) {
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
    const job = this.#native().readRanges(inAnyCase, offsets(batch), lengths(batch), scratch, unwanted)
    if (job === null) {
      giveScratch(scratch)
      return null
    }
    return this.#follow(job, batch, scratch).finally(() => giveScratch(scratch))
  }

  #startPopulate(kind: Kind, batch: Request[], inAnyCase: boolean): Promise<void> | null {
    const unwanted = flags(batch)
    const forViews = kind === 'view'
    const job = this.#native().populateRanges(inAnyCase, offsets(batch), lengths(batch), forViews, unwanted)
    return job && this.#follow(job, batch)
  }

  #startSolo(request: Request, inAnyCase: boolean): Promise<void> | null | undefined {
    if (request.dropped || !this.#solo.has(request)) return undefined
    const batch = [request]
    const memory = request.memory as Uint8Array
    const job = this.#native().readRanges(inAnyCase, offsets(batch), lengths(batch), memory, flags(batch))
    if (job === null) return null
    this.#solo.delete(request)
    return this.#follow(job, batch, memory)
  }

  async #follow(job: Promise<Array<number | Error> | null>, batch: Request[], memory?: Uint8Array): Promise<void> {
    this.#underWay += 1
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
      if (!request.dropped) request.done(broken ?? errors.get(index), bytes)
    })
    this.#done()
  }

  #done(): void {
    this.#underWay -= 1
    if (this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

const offsets = (batch: Request[]) => Float64Array.from(batch, request => request.offset)
const lengths = (batch: Request[]) => Float64Array.from(batch, request => request.length)

// Shared memory only where somebody could give a range up: most jobs have none.
function flags(batch: Request[]): Int32Array | undefined {
  if (!batch.some(request => request.canBeDropped)) return undefined
  const unwanted = new Int32Array(new SharedArrayBuffer(4 * batch.length))
  batch.forEach((request, index) => {
    request.drop = () => Atomics.store(unwanted, index, 1)
  })
  return unwanted
}
