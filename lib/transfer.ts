// A transfer: the range of one call in the queue, in pieces, until all of them are done or one has failed.

import { giveUp } from '#binding'
import { withCallersStack } from './errors.js'
import { PIECE_BYTES, SCRATCH_BYTES } from './limits.js'
import { ownMemory } from './memory.js'
import { forget, onAbort } from './signals.js'
import { copyTo, mustHaveRoom } from './targets.js'

/**
 * The kinds of work on pieces. In batches: `copy` into scratch memory for targets of callers, `fill` of private memory,
 * and populating for a `view`, for a `chunk` of a long range in order, or for later copies (`prefault`). `solo` is a
 * copy in a job of its own.
 */
export type Kind = Batched | 'solo'
export type Batched = 'copy' | 'fill' | 'view' | 'chunk' | 'prefault'

/** Pieces of one range that are queued at the same time: enough for every pool thread that jobs may use. */
const PIECES_AT_ONCE = 4

/** The queue where pieces wait for a job. */
export interface PieceQueue {
  /** Adds a piece, which leaves with the others of this turn. */
  add(kind: Kind, piece: Piece): void
  /** Announces an owner whose pieces will be added. */
  enter(owner: Owner): void
  /** Removes a settled owner: it adds no more pieces. */
  leave(owner: Owner): void
}

/** The owner of queued or running pieces. */
export interface Owner {
  /** Whether a job has taken one of its pieces: from then on close() waits for all of them. */
  begun: boolean
  /** Whether its promise is settled; its remaining pieces are skipped. */
  readonly settled: boolean
  /** Whether it can be cancelled while a job works on it. */
  readonly canBeDropped: boolean
  /** Called on the JS thread when a job is done with a piece of one range, unless its owner is settled. */
  done(piece: Piece, error: unknown, scratch: Buffer | undefined, from: number): void
  /** The same for a piece of many ranges; `error` is that of the job itself. */
  doneRecords(
    piece: Piece,
    error: unknown,
    scratch: Buffer | undefined,
    failures: Map<number, unknown> | undefined,
  ): void
  /** Rejects it, unless it is settled. */
  fail(error: unknown): void
}

/**
 * A piece of a transfer, which one job processes at once. Pieces of kind `copy` have at most SCRATCH_BYTES, others
 * PIECE_BYTES.
 */
export interface Piece {
  transfer: Owner
  /** The offset in the file. */
  offset: number
  length: number
  /** The offset of its bytes in the target of the caller. */
  targetOffset: number
  /** Private memory that the job writes. Only of kind `fill`. */
  memory: Uint8Array | undefined
  /** Many ranges instead of one, contiguous in memory. */
  records: Records | undefined
  /**
   * The number of the job that works on it, if it can be cancelled there, and its index among the ranges of the job.
   */
  job: number
  index: number
}

/** The ranges of a piece that has many. */
export interface Records {
  offsets: Float64Array
  lengths: Float64Array
  /** Private memory; each element holds whole ranges. Without it, the job copies into scratch memory. */
  memory: Uint8Array[] | undefined
  /** Called when the ranges are in memory, with the errors by index. If it throws, the transfer fails. */
  arrived(scratch: Buffer | undefined, failures: Map<number, unknown> | undefined): void
}

/** How a transfer is done. */
export interface Plan {
  kind: Kind
  signal?: AbortSignal | undefined
  /** Private memory, as long as the range. */
  memory?: Uint8Array
  /** Copies the bytes of a piece out of scratch memory, which is valid during the call only. */
  take?: (scratch: Buffer, from: number, length: number, targetOffset: number) => void
}

/**
 * The most common transfer: one short range that cannot be cancelled. It is its own piece, so it is one object and no
 * closure: thousands may be requested at once.
 */
export class ShortTransfer<T> implements Owner, Piece {
  readonly transfer = this
  readonly targetOffset = 0
  readonly records = undefined
  job = 0
  index = 0
  readonly canBeDropped = false
  begun = false
  settled = false

  constructor(
    readonly offset: number,
    readonly length: number,
    /** Private memory that the job fills. */
    readonly memory: Uint8Array | undefined,
    /** The target of a caller, which is written on the JS thread. Without either, memory is allocated then. */
    readonly target: Uint8Array | undefined,
    /** The value of its promise; by default, its memory. */
    readonly value: T | undefined,
    readonly resolve: (value: T | Promise<never>) => void,
    readonly reject: (error: unknown) => void,
  ) {}

  done(_piece: Piece, error: unknown, scratch: Buffer | undefined, from: number): void {
    let filled = this.memory ?? this.target
    try {
      if (error !== undefined) throw error
      if (this.target) mustHaveRoom(this.target, this.length)
      filled ??= ownMemory(this.length)
    } catch (refused) {
      if (this.settled) return
      this.settled = true
      this.resolve(withCallersStack(refused))
      return
    }
    if (scratch) copyTo(filled, 0, scratch, from, this.length)
    this.settled = true
    this.resolve(this.value ?? (filled as T))
  }

  doneRecords(): void {}

  fail(error: unknown): void {
    if (this.settled) return
    this.settled = true
    this.reject(error)
  }
}

/** One caller's transfer. It calls `resolve` or `reject`, once. */
export class Transfer implements Owner {
  begun = false
  settled = false
  readonly #queue: PieceQueue
  readonly #plan: Plan
  readonly #atOnce: number
  readonly #next: (transfer: Transfer) => Piece | undefined
  readonly #resolve: (failed?: Promise<never>) => void
  readonly #reject: (error: unknown) => void
  readonly #abort: (() => void) | undefined
  /** The queued or running pieces, where they can be cancelled. */
  readonly #droppable: Set<Piece> | undefined
  #open = 0

  constructor(
    queue: PieceQueue,
    plan: Plan,
    atOnce: number,
    next: (transfer: Transfer) => Piece | undefined,
    resolve: (failed?: Promise<never>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#queue = queue
    this.#plan = plan
    this.#atOnce = atOnce
    this.#next = next
    this.#resolve = resolve
    this.#reject = reject
    const { signal } = plan
    if (signal) {
      this.#droppable = new Set()
      this.#abort = () => this.fail(signal.reason)
      onAbort(signal, this.#abort)
    }
    queue.enter(this)
    this.#pull()
  }

  get canBeDropped(): boolean {
    return this.#droppable !== undefined
  }

  done(piece: Piece, error: unknown, scratch: Buffer | undefined, from: number): void {
    this.#conclude(piece, () => {
      if (error !== undefined) throw error
      if (scratch) this.#plan.take?.(scratch, from, piece.length, piece.targetOffset)
    })
  }

  doneRecords(
    piece: Piece,
    error: unknown,
    scratch: Buffer | undefined,
    failures: Map<number, unknown> | undefined,
  ): void {
    this.#conclude(piece, () => {
      if (error !== undefined) throw error
      piece.records?.arrived(scratch, failures)
    })
  }

  #conclude(piece: Piece, take: () => void): void {
    this.#open -= 1
    this.#droppable?.delete(piece)
    try {
      take()
    } catch (failure) {
      this.#end(() => this.#resolve(withCallersStack(failure)))
      return
    }
    this.#pull()
  }

  fail(error: unknown): void {
    this.#end(() => this.#reject(error))
  }

  #end(answer: () => void): void {
    if (this.settled) return
    for (const { job, index, records } of this.#droppable ?? []) {
      if (job !== 0) giveUp(job, index, records ? records.offsets.length : 1)
    }
    answer()
    this.#settle()
  }

  #pull(): void {
    try {
      while (this.#open < this.#atOnce) {
        const piece = this.#next(this)
        if (!piece) break
        this.#open += 1
        this.#droppable?.add(piece)
        this.#queue.add(this.#plan.kind, piece)
      }
    } catch (failure) {
      // There is no memory for a piece.
      this.fail(failure)
      return
    }
    if (this.#open === 0) {
      this.#resolve()
      this.#settle()
    }
  }

  // After the promise is settled: those who wait for an idle queue come after those who wait for the bytes.
  #settle(): void {
    this.settled = true
    const { signal } = this.#plan
    if (signal && this.#abort) forget(signal, this.#abort)
    this.#queue.leave(this)
  }
}

/** Transfers one range, a few pieces at a time. */
export function transferRange(
  queue: PieceQueue,
  offset: number,
  length: number,
  plan: Plan,
  resolve: (failed?: Promise<never>) => void,
  reject: (error: unknown) => void,
): void {
  const { memory } = plan
  const longest = plan.take ? SCRATCH_BYTES : PIECE_BYTES
  let done = 0
  const next = (transfer: Transfer): Piece | undefined => {
    if (done >= length) return undefined
    const targetOffset = done
    const size = Math.min(longest, length - targetOffset)
    done += size
    const part = memory?.subarray(targetOffset, targetOffset + size)
    return pieceOf(transfer, offset + targetOffset, size, targetOffset, part)
  }
  new Transfer(queue, plan, PIECES_AT_ONCE, next, resolve, reject)
}

/** A new piece, not yet in a job. */
export function pieceOf(
  transfer: Owner,
  offset: number,
  length: number,
  targetOffset: number,
  memory: Uint8Array | undefined,
  records?: Records,
): Piece {
  return { transfer, offset, length, targetOffset, memory, records, job: 0, index: 0 }
}
