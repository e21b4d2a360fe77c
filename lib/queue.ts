// The ranges of one file that wait for the pool: those asked for in one turn of the loop leave together.

import type { Buffer } from 'node:buffer'
import type { NativeFile } from '#binding'
import { fileClosed } from './errors.js'
import { giveFlags, takeFlags } from './flags.js'
import { onPool, type Start, whenThereIsPlace } from './pool.js'
import { giveScratch, SCRATCH_BYTES, takeScratch } from './scratch.js'
import { bufferOf, sizeOf, startOf } from './targets.js'
import type { Piece, Transfer } from './transfer.js'

/** Bytes after which a job takes no further range: short jobs let terminate(), other files and other callers in. */
const JOB_BYTES = {
  copy: SCRATCH_BYTES,
  fill: SCRATCH_BYTES,
  view: 2 << 20,
  chunk: 2 << 20,
  prefault: 2 << 20,
} as const

/** Ranges per job: as many as keep a fast disk's queue full while their answers are not held up. */
export const JOB_RANGES = 256

/** The longest piece of a range in one job. */
export const PIECE_BYTES = 8 << 20

/** What is done in batches: copied through scratch memory, copied into memory of ours, populated for views, for views of a long range in order, or for copies. */
type Batched = keyof typeof JOB_BYTES

/** What is done with a piece: in a batch, or copied in a job of its own. */
export type Kind = Batched | 'solo'

const nowhere = (): Record<Batched, boolean> => ({
  copy: false,
  fill: false,
  view: false,
  chunk: false,
  prefault: false,
})

/** The waiting and running pieces of one file. */
export class Queue {
  /** The file that jobs work at, as it was at one moment. */
  readonly native: NativeFile
  readonly #transfers = new Set<Transfer>()
  readonly #waiting: Record<Batched, Piece[]> = { copy: [], fill: [], view: [], chunk: [], prefault: [] }
  /** Whether those that wait will be looked at: at the end of this turn, or when the pool has a place. */
  readonly #announced = nowhere()
  readonly #inLine = nowhere()
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

  /** Adds a piece, to leave with the others of this turn, or as soon as there are enough of them for a job. */
  add(kind: Kind, piece: Piece): void {
    if (kind === 'solo') {
      queueMicrotask(() => whenThereIsPlace(inAnyCase => this.#startSolo(piece, inAnyCase)))
      return
    }
    const waiting = this.#waiting[kind]
    waiting.push(piece)
    if (!this.#announced[kind]) this.#announce(kind)
    // The disk need not wait until the last of thousands has been asked for.
    else if (waiting.length >= JOB_RANGES) this.#lineUp(kind)
  }

  #announce(kind: Batched): void {
    this.#announced[kind] = true
    queueMicrotask(() => {
      this.#announced[kind] = false
      this.#lineUp(kind)
    })
  }

  #lineUp(kind: Batched): void {
    if (this.#inLine[kind] || this.#waiting[kind].length === 0) return
    this.#inLine[kind] = true
    whenThereIsPlace(this.#starter(kind))
  }

  /** Runs another job of this file's on the pool, one that close() waits for as well. */
  run<T>(begin: (inAnyCase: boolean) => Promise<T> | null): Promise<T> {
    this.#underWay += 1
    return onPool(begin).finally(() => this.#done())
  }

  /** Does work of several jobs, all of which close() waits for. */
  during(work: () => Promise<void>): Promise<void> {
    this.#underWay += 1
    return work().finally(() => this.#done())
  }

  /** Rejects what has not begun, and resolves when all that has begun is done. */
  close(path: string): Promise<void> {
    const waiting = Object.values(this.#waiting).flatMap(pieces => pieces.map(piece => piece.transfer))
    for (const transfer of [...waiting, ...this.#transfers]) if (!transfer.begun) transfer.fail(fileClosed(path))
    return this.whenIdle()
  }

  /** Resolves when nothing waits or runs. */
  whenIdle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise(resolve => this.#whenIdle.push(resolve))
  }

  #starter(kind: Batched): Start {
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
        this.#inLine[kind] = false
        return undefined
      }
      const memory = kind === 'fill' ? toMemory(batch) : undefined
      const job = this.#start(kind, batch, toRanges(batch), memory, inAnyCase)
      if (job === null) return null
      this.#waiting[kind] = waiting.slice(taken)
      this.#inLine[kind] = false
      // What is left goes to the end of the line, behind other files.
      if (taken < waiting.length && !this.#announced[kind]) this.#announce(kind)
      return job
    }
  }

  #startSolo(piece: Piece, inAnyCase: boolean): Promise<void> | null | undefined {
    if (piece.transfer.settled) return undefined
    const { records, memory } = piece
    if (records) return this.#start('copy', [piece], records, records.memory, inAnyCase)
    return this.#start('copy', [piece], toRanges([piece]), memory && [memory], inAnyCase)
  }

  // One job for these pieces: null when the pool has no place for it, undefined when they have failed.
  #start(
    kind: Batched,
    batch: Piece[],
    { offsets, lengths }: Ranges,
    memory: Uint8Array[] | undefined,
    inAnyCase: boolean,
  ): Promise<void> | null | undefined {
    const unwanted = flagged(batch, offsets.length)
    const scratch = kind === 'copy' && !memory ? takeScratch() : undefined
    const targets = memory ?? (scratch && [scratch])
    let job: Promise<Array<number | Error> | null> | null | undefined
    try {
      job = targets
        ? this.native.readRanges(inAnyCase, offsets, lengths, targets, unwanted)
        : this.native.populateRanges(inAnyCase, offsets, lengths, kind !== 'prefault', kind === 'chunk', unwanted)
    } catch (error) {
      for (const { transfer } of batch) transfer.fail(error)
    }
    if (job) return this.#follow(job, batch, scratch, unwanted)
    if (scratch) giveScratch(scratch)
    if (unwanted) unflag(batch, unwanted)
    return job
  }

  async #follow(
    job: Promise<Array<number | Error> | null>,
    batch: Piece[],
    scratch: Buffer | undefined,
    unwanted: Int32Array | undefined,
  ): Promise<void> {
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
    if (unwanted) unflag(batch, unwanted)
    let from = 0
    for (let index = 0; index < batch.length; index += 1) {
      const piece = batch[index] as Piece
      const { transfer } = piece
      const start = from
      from += piece.length
      if (transfer.settled) continue
      if (piece.records) transfer.doneRecords(piece, broken, scratch, errors)
      else transfer.done(piece, broken ?? errors?.get(index), scratch, start)
    }
    if (scratch) giveScratch(scratch)
    this.#done()
  }

  #done(): void {
    this.#underWay -= 1
    this.#lookIdle()
  }

  #isIdle(): boolean {
    const done = (pieces: Piece[]) => pieces.every(piece => piece.transfer.settled)
    return this.#underWay === 0 && this.#transfers.size === 0 && Object.values(this.#waiting).every(done)
  }

  #lookIdle(): void {
    if (this.#whenIdle.length > 0 && this.#isIdle()) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

interface Ranges {
  offsets: Float64Array
  lengths: Float64Array
}

/** Jobs take a copy as they begin. Fresh memory for each would have V8 collect garbage, as in flags.ts. */
const RANGES: Ranges = { offsets: new Float64Array(JOB_RANGES), lengths: new Float64Array(JOB_RANGES) }

function toRanges(batch: Piece[]): Ranges {
  const offsets = RANGES.offsets.subarray(0, batch.length)
  const lengths = RANGES.lengths.subarray(0, batch.length)
  for (let i = 0; i < batch.length; i += 1) {
    const piece = batch[i] as Piece
    offsets[i] = piece.offset
    lengths[i] = piece.length
  }
  return { offsets, lengths }
}

// The memory of pieces that each have their own; what lies side by side in one block is one part.
function toMemory(batch: Piece[]): Uint8Array[] {
  const parts: Uint8Array[] = []
  let [start, end] = [0, 0]
  let block: ArrayBufferLike | undefined
  for (const { memory } of batch) {
    if (!memory) continue
    if (bufferOf(memory) !== block || startOf(memory) !== end) {
      if (block) parts.push(new Uint8Array(block, start, end - start))
      block = bufferOf(memory)
      start = startOf(memory)
      end = start
    }
    end += sizeOf(memory)
  }
  if (block) parts.push(new Uint8Array(block, start, end - start))
  return parts
}

function pairs(list: Array<number | Error>): Map<number, unknown> {
  const map = new Map<number, unknown>()
  for (let i = 0; i < list.length; i += 2) map.set(list[i] as number, list[i + 1])
  return map
}

// Only where somebody could give a piece up: most jobs have none.
function flagged(batch: Piece[], ranges: number): Int32Array | undefined {
  if (!batch.some(piece => piece.transfer.canBeDropped)) return undefined
  const unwanted = takeFlags(ranges)
  batch.forEach((piece, index) => {
    piece.unwanted = unwanted
    piece.index = index
  })
  return unwanted
}

// What is given up from now on finds no flag: the next job may have it.
function unflag(batch: Piece[], unwanted: Int32Array): void {
  for (const piece of batch) piece.unwanted = undefined
  giveFlags(unwanted)
}
