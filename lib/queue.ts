// The queue of one file: its ranges that wait for the pool. Ranges of one turn of the event loop are read together.

import type { Buffer } from 'node:buffer'
import type { NativeFile } from '#binding'
import { fileClosed } from './errors.js'
import { queueMicrotask } from './language.js'
import { JOB_RANGES, POPULATE_BYTES, SCRATCH_BYTES } from './limits.js'
import { onPool, whenPermitted } from './pool.js'
import { giveScratch, takeScratch } from './scratch.js'
import { bufferOf, sizeOf, startOf } from './targets.js'
import type { Batched, Kind, Owner, Piece, PieceQueue } from './transfer.js'

/** Bytes after which a job of each kind takes no further range. */
const JOB_BYTES: Record<Batched, number> = {
  copy: SCRATCH_BYTES,
  fill: SCRATCH_BYTES,
  view: POPULATE_BYTES,
  chunk: POPULATE_BYTES,
  prefault: POPULATE_BYTES,
}

/** The number of the last job that can be cancelled; 0 means none. */
let lastJob = 0

/** Waiting pieces of one kind. */
class Waiting {
  pieces: Piece[] = []
  /** Whether a check of them is scheduled for the end of this turn. */
  scheduled = false
  permitRequested = false
}

/** The waiting and running pieces of one file. */
export class Queue implements PieceQueue {
  /** The state of the file that jobs work on. */
  readonly native: NativeFile
  // Created on demand: a program may have thousands of open files that it rarely reads.
  #owners: Set<Owner> | undefined
  readonly #waiting: Partial<Record<Batched, Waiting>> = {}
  #underWay = 0
  #beginning = false
  #whenIdle: Array<() => void> = []

  constructor(native: NativeFile) {
    this.native = native
  }

  enter(owner: Owner): void {
    this.#owners ??= new Set()
    this.#owners.add(owner)
  }

  leave(owner: Owner): void {
    this.#owners?.delete(owner)
    this.#lookIdle()
  }

  /** Adds a piece. It leaves with the other pieces of this turn, or as soon as they fill a job. */
  add(kind: Kind, piece: Piece): void {
    if (kind === 'solo') {
      queueMicrotask(() => whenPermitted(() => this.#startSolo(piece)))
      return
    }
    this.#waiting[kind] ??= new Waiting()
    const waiting = this.#waiting[kind]
    waiting.pieces.push(piece)
    if (!waiting.scheduled) this.#schedule(kind, waiting)
    // The disk starts before the last of thousands of pieces is added.
    else if (waiting.pieces.length >= JOB_RANGES) this.#requestPermit(kind, waiting)
  }

  #schedule(kind: Batched, waiting: Waiting): void {
    waiting.scheduled = true
    queueMicrotask(() => {
      waiting.scheduled = false
      this.#requestPermit(kind, waiting)
    })
  }

  #requestPermit(kind: Batched, waiting: Waiting): void {
    if (waiting.permitRequested || waiting.pieces.length === 0) return
    waiting.permitRequested = true
    whenPermitted(() => this.#startBatch(kind, waiting))
  }

  /** Starts read-ahead on the pool, for the range after one that was copied on the JS thread. */
  beginAhead(offset: number, length: number): void {
    if (this.#beginning) return
    this.#beginning = true
    const ended = () => {
      this.#beginning = false
    }
    // A failure here only makes later reads slower.
    this.run(() => this.native.beginAhead(offset, length)).then(ended, ended)
  }

  /** Runs another job of this file on the pool. close() waits for it as well. */
  run<T>(begin: () => Promise<T>): Promise<T> {
    return this.during(() => onPool(begin))
  }

  /** Runs work that takes several jobs. close() waits for all of them. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay += 1
    try {
      return await work()
    } finally {
      this.#done()
    }
  }

  /** Rejects work that has not begun, and resolves when the rest is done. */
  close(path: string): Promise<void> {
    const waiting = Object.values(this.#waiting).flatMap(({ pieces }) => pieces.map(piece => piece.transfer))
    for (const owner of [...waiting, ...(this.#owners ?? [])]) if (!owner.begun) owner.fail(fileClosed(path))
    return this.whenIdle()
  }

  /** Resolves when no work waits or runs. */
  whenIdle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve()
    return new Promise(resolve => this.#whenIdle.push(resolve))
  }

  #startBatch(kind: Batched, waiting: Waiting): Promise<void> | undefined {
    waiting.permitRequested = false
    const batch: Piece[] = []
    let taken = 0
    let bytes = 0
    for (; taken < waiting.pieces.length && batch.length < JOB_RANGES; taken += 1) {
      const piece = waiting.pieces[taken] as Piece
      if (piece.transfer.settled) continue
      if (batch.length > 0 && bytes + piece.length > JOB_BYTES[kind]) break
      batch.push(piece)
      bytes += piece.length
    }
    waiting.pieces = waiting.pieces.slice(taken)
    // The remaining pieces go to the end of the queue for the pool, after those of other files.
    if (waiting.pieces.length > 0 && !waiting.scheduled) this.#schedule(kind, waiting)
    return batch.length === 0 ? undefined : this.#start(kind, batch, toRanges(batch))
  }

  #startSolo(piece: Piece): Promise<void> | undefined {
    if (piece.transfer.settled) return undefined
    const kind = piece.memory || piece.records?.memory ? 'fill' : 'copy'
    return this.#start(kind, [piece], piece.records ?? toRanges([piece]))
  }

  // Starts one job for these pieces; returns undefined when it could not start and they have failed.
  #start(kind: Batched, batch: Piece[], { offsets, lengths }: Ranges): Promise<void> | undefined {
    const scratch = kind === 'copy' ? takeScratch() : undefined
    try {
      const number = toJob(batch)
      const targets = scratch ? [scratch] : kind === 'fill' ? toTargets(batch) : undefined
      const job = targets
        ? this.native.readRanges(number, offsets, lengths, targets, scratch === undefined)
        : this.native.populateRanges(number, offsets, lengths, kind)
      return this.#deliver(job, batch, scratch)
    } catch (error) {
      if (scratch) giveScratch(scratch)
      for (const piece of batch) {
        piece.job = 0
        if (!piece.transfer.settled) piece.transfer.fail(error)
      }
      this.#lookIdle()
      return undefined
    }
  }

  async #deliver(
    job: Promise<Array<number | Error> | null>,
    batch: Piece[],
    scratch: Buffer | undefined,
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
    let from = 0
    for (let index = 0; index < batch.length; index += 1) {
      const piece = batch[index] as Piece
      const { transfer } = piece
      piece.job = 0
      const start = from
      from += piece.length
      if (transfer.settled) continue
      try {
        if (piece.records) transfer.doneRecords(piece, broken, scratch, errors)
        else transfer.done(piece, broken ?? errors?.get(index), scratch, start)
      } catch (error) {
        transfer.fail(error)
      }
    }
    if (scratch) giveScratch(scratch)
    this.#done()
  }

  #done(): void {
    this.#underWay -= 1
    this.#lookIdle()
  }

  #isIdle(): boolean {
    const done = ({ pieces }: Waiting) => pieces.every(piece => piece.transfer.settled)
    return this.#underWay === 0 && !this.#owners?.size && Object.values(this.#waiting).every(done)
  }

  #lookIdle(): void {
    if (this.#whenIdle.length > 0 && this.#isIdle()) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

interface Ranges {
  offsets: Float64Array
  lengths: Float64Array
}

/** Jobs copy these arrays when they begin. New arrays for each job would cause garbage collections. */
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

// The memory that a job fills; neighbouring parts of one block are merged.
function toTargets(batch: Piece[]): Uint8Array[] {
  const [first] = batch as [Piece]
  if (first.records) return first.records.memory as Uint8Array[]
  const parts: Uint8Array[] = []
  let [start, end] = [0, 0]
  let block: ArrayBufferLike | undefined
  for (const piece of batch) {
    const memory = piece.memory as Uint8Array
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

// Numbers a job only where a piece can be cancelled; most jobs have no number.
function toJob(batch: Piece[]): number {
  if (!batch.some(piece => piece.transfer.canBeDropped)) return 0
  lastJob = (lastJob % 0xffff_fffe) + 1
  for (let index = 0; index < batch.length; index += 1) {
    const piece = batch[index] as Piece
    piece.job = lastJob
    piece.index = index
  }
  return lastJob
}
