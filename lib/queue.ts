// The ranges of one file that wait for the pool: those asked for in one turn of the loop leave together.

import type { Buffer } from 'node:buffer'
import type { NativeFile } from '#binding'
import { fileClosed } from './errors.js'
import { onPool, type Start, whenThereIsPlace } from './pool.js'
import { giveScratch, SCRATCH_BYTES, takeScratch } from './scratch.js'
import type { Piece, Transfer } from './transfer.js'

/** Bytes after which a job takes no further range: short jobs let terminate(), other files and other callers in. */
const JOB_BYTES = { copy: SCRATCH_BYTES, view: 2 << 20, prefault: 2 << 20 } as const

/** Ranges per job: as many as keep a fast disk's queue full while their answers are not held up. */
const JOB_RANGES = 256

/** The longest piece of a range in one job. */
export const PIECE_BYTES = 8 << 20

/** What is done with a range: copied through scratch memory, populated for views, or populated for copies. */
export type Kind = keyof typeof JOB_BYTES

/** The waiting and running pieces of one file. */
export class Queue {
  /** The file that jobs work at, as it was at one moment. */
  readonly native: NativeFile
  readonly #transfers = new Set<Transfer>()
  readonly #waiting: Record<Kind, Piece[]> = { copy: [], view: [], prefault: [] }
  readonly #listed: Record<Kind, boolean> = { copy: false, view: false, prefault: false }
  #underWay = 0
  #whenIdle: Array<() => void> = []

  constructor(native: NativeFile) {
    this.native = native
  }

  /** Announces a transfer whose pieces will be added. */
  enter(transfer: Transfer): void {
    this.#transfers.add(transfer)
  }

  /** The transfer is settled: no more of its pieces come. */
  leave(transfer: Transfer): void {
    this.#transfers.delete(transfer)
    this.#lookIdle()
  }

  /** Adds a piece, to leave with the others of this turn. */
  add(kind: Kind, piece: Piece): void {
    if (piece.memory) {
      queueMicrotask(() => whenThereIsPlace(inAnyCase => this.#startSolo(piece, inAnyCase)))
      return
    }
    this.#waiting[kind].push(piece)
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
    for (const transfer of this.#transfers) if (!transfer.begun) transfer.fail(fileClosed(path))
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
      const batch: Piece[] = []
      let taken = 0
      let bytes = 0
      for (; taken < waiting.length && batch.length < JOB_RANGES; taken += 1) {
        const piece = waiting[taken] as Piece
        if (piece.transfer.settled) continue
        if (batch.length > 0 && bytes + piece.length > JOB_BYTES[kind]) break
        batch.push(piece)
        bytes += piece.length
      }
      if (batch.length === 0) {
        waiting.length = 0
        this.#listed[kind] = false
        return undefined
      }
      const job = kind === 'copy' ? this.#startCopy(batch, inAnyCase) : this.#startPopulate(kind, batch, inAnyCase)
      if (job === null) return null
      this.#waiting[kind] = waiting.slice(taken)
      // What is left goes to the end of the line, behind other files.
      if (taken < waiting.length) queueMicrotask(() => whenThereIsPlace(this.#starter(kind)))
      else this.#listed[kind] = false
      return job
    }
  }

  #startCopy(batch: Piece[], inAnyCase: boolean): Promise<void> | null {
    const scratch = takeScratch()
    const job = this.native.readRanges(inAnyCase, offsets(batch), lengths(batch), scratch, flags(batch))
    if (job === null) {
      giveScratch(scratch)
      return null
    }
    return this.#follow(job, batch, scratch)
  }

  #startPopulate(kind: Kind, batch: Piece[], inAnyCase: boolean): Promise<void> | null {
    const forViews = kind === 'view'
    const job = this.native.populateRanges(inAnyCase, offsets(batch), lengths(batch), forViews, flags(batch))
    return job && this.#follow(job, batch)
  }

  #startSolo(piece: Piece, inAnyCase: boolean): Promise<void> | null | undefined {
    if (piece.transfer.settled) return undefined
    const batch = [piece]
    const memory = piece.memory as Uint8Array
    const job = this.native.readRanges(inAnyCase, offsets(batch), lengths(batch), memory, flags(batch))
    return job && this.#follow(job, batch)
  }

  async #follow(job: Promise<Array<number | Error> | null>, batch: Piece[], scratch?: Buffer): Promise<void> {
    this.#underWay += 1
    for (const { transfer } of batch) transfer.begun = true
    let errors: Map<number, unknown> | undefined
    let broken: unknown
    try {
      const failures = await job
      if (failures) errors = pairs(failures)
    } catch (error) {
      broken = error
    }
    let from = 0
    for (let index = 0; index < batch.length; index += 1) {
      const piece = batch[index] as Piece
      const { transfer } = piece
      if (!transfer.settled) transfer.done(piece, broken ?? errors?.get(index), scratch, from)
      from += piece.length
    }
    if (scratch) giveScratch(scratch)
    this.#done()
  }

  #done(): void {
    this.#underWay -= 1
    this.#lookIdle()
  }

  #isIdle(): boolean {
    return this.#underWay === 0 && this.#transfers.size === 0
  }

  #lookIdle(): void {
    if (this.#isIdle()) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

const offsets = (batch: Piece[]) => numbers(batch, 'offset')
const lengths = (batch: Piece[]) => numbers(batch, 'length')

function numbers(batch: Piece[], name: 'offset' | 'length'): Float64Array {
  const array = new Float64Array(batch.length)
  for (let i = 0; i < batch.length; i += 1) array[i] = (batch[i] as Piece)[name]
  return array
}

function pairs(list: Array<number | Error>): Map<number, unknown> {
  const map = new Map<number, unknown>()
  for (let i = 0; i < list.length; i += 2) map.set(list[i] as number, list[i + 1])
  return map
}

// Shared memory only where somebody could give a piece up: most jobs have none.
function flags(batch: Piece[]): Int32Array | undefined {
  if (!batch.some(piece => piece.transfer.canBeDropped)) return undefined
  const unwanted = new Int32Array(new SharedArrayBuffer(4 * batch.length))
  batch.forEach((piece, index) => {
    piece.unwanted = unwanted
    piece.index = index
  })
  return unwanted
}
