// A transfer: one caller's bytes on their way through the queue, in pieces, until all are done or one has failed.

import { type Kind, PIECE_BYTES, type Queue } from './queue.js'
import { SCRATCH_BYTES } from './scratch.js'
import { forget, onAbort } from './signals.js'
import { copyTo, mustHaveRoom } from './targets.js'

/** Pieces of one range that are queued at the same time: enough for every thread that may be taken, no more. */
const PIECES_AT_ONCE = 4

/** Who has pieces on their way. */
export interface Owner {
  /** Whether a job has taken one of its pieces: from then on close() waits for all of them. */
  begun: boolean
  /** Whether its caller has had an answer already; what is left of it is skipped. */
  readonly settled: boolean
  /** Whether it may be given up while a job works at it. */
  readonly canBeDropped: boolean
  /** Called on the JS thread when a job has done with a piece of one range, unless its owner is settled. */
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

/** A piece of a transfer: what a job does in one go. Those of kind `copy` have at most SCRATCH_BYTES, others PIECE_BYTES. */
export interface Piece {
  transfer: Owner
  /** In the file. */
  offset: number
  length: number
  /** Where its bytes go in the caller's target. */
  at: number
  /** Memory of ours that the job may write directly, and that nobody else knows yet. */
  memory: Uint8Array | undefined
  /** Many ranges instead of one, back to back. */
  records: Records | undefined
  /** Where to tell a job under way that the piece is not wanted any more: shared memory, and the place in it. */
  unwanted: Int32Array | undefined
  index: number
}

/** The ranges of a piece that has many. */
export interface Records {
  offsets: Float64Array
  lengths: Float64Array
  /** Memory of ours that the job may write directly, each of which holds whole ranges. Without it they come in scratch memory. */
  memory: Uint8Array[] | undefined
  /** Called when they are there, with those that failed by their place. What it throws fails the transfer. */
  arrived(scratch: Buffer | undefined, failures: Map<number, unknown> | undefined): void
}

/** How a transfer is done. */
export interface Plan {
  kind: Kind
  signal?: AbortSignal | undefined
  /** Memory of ours, as long as the range, that pool threads write directly. */
  memory?: Uint8Array
  /** Takes the bytes of a piece out of scratch memory, which is valid during the call only. */
  take?: (scratch: Buffer, from: number, length: number, at: number) => void
}

/**
 * The commonest transfer: one short range that nobody can give up. Being its own piece, it is one object and no closure, so
 * that thousands of them may be asked for at once.
 */
export class ShortTransfer<T> implements Owner, Piece {
  readonly transfer = this
  readonly at = 0
  readonly records = undefined
  readonly unwanted = undefined
  readonly index = 0
  readonly canBeDropped = false
  begun = false
  settled = false

  constructor(
    readonly offset: number,
    readonly length: number,
    /** Memory of ours, to be filled by the job; else there is a target. */
    readonly memory: Uint8Array | undefined,
    /** A caller's memory, which is written on the JS thread. */
    readonly target: Uint8Array | undefined,
    readonly value: T,
    readonly resolve: (value: T) => void,
    readonly reject: (error: unknown) => void,
  ) {}

  done(_piece: Piece, error: unknown, scratch: Buffer | undefined, from: number): void {
    try {
      if (error !== undefined) throw error
      if (this.target) mustHaveRoom(this.target, this.length)
    } catch (refused) {
      this.fail(refused)
      return
    }
    if (this.target && scratch) copyTo(this.target, 0, scratch, from, this.length)
    this.settled = true
    this.resolve(this.value)
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
  /** Whether a job has taken one of its pieces: from then on close() waits for all of them. */
  begun = false
  /** Whether its caller has had an answer already; what is left of it is skipped. */
  settled = false
  readonly #queue: Queue
  readonly #plan: Plan
  readonly #atOnce: number
  readonly #next: (transfer: Transfer) => Piece | undefined
  readonly #resolve: () => void
  readonly #reject: (error: unknown) => void
  readonly #abort: (() => void) | undefined
  /** The pieces on their way, where they may have to be told that they are not wanted. */
  readonly #droppable: Set<Piece> | undefined
  #open = 0

  constructor(
    queue: Queue,
    plan: Plan,
    atOnce: number,
    next: (transfer: Transfer) => Piece | undefined,
    resolve: () => void,
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

  /** Whether it may be given up while a job works at it. */
  get canBeDropped(): boolean {
    return this.#droppable !== undefined
  }

  /** Called on the JS thread when a job has done with a piece of one range, unless the transfer is settled. */
  done(piece: Piece, error: unknown, scratch: Buffer | undefined, from: number): void {
    this.#conclude(piece, () => {
      if (error !== undefined) throw error
      if (scratch) this.#plan.take?.(scratch, from, piece.length, piece.at)
    })
  }

  /** The same for a piece of many ranges; `error` is that of the job itself. */
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
      this.fail(failure)
      return
    }
    this.#pull()
  }

  /** Rejects it, unless it is settled. */
  fail(error: unknown): void {
    if (this.settled) return
    for (const { unwanted, index, records } of this.#droppable ?? []) {
      if (!unwanted) continue
      const last = records ? unwanted.length - 1 : index
      for (let i = index; i <= last; i += 1) Atomics.store(unwanted, i, 1)
    }
    this.#reject(error)
    this.#settle()
  }

  #pull(): void {
    while (this.#open < this.#atOnce) {
      const piece = this.#next(this)
      if (!piece) break
      this.#open += 1
      this.#droppable?.add(piece)
      this.#queue.add(this.#plan.kind, piece)
    }
    if (this.#open === 0) {
      this.#resolve()
      this.#settle()
    }
  }

  // After the answer: whoever waits for the queue to be idle comes after whoever waits for the bytes.
  #settle(): void {
    this.settled = true
    const { signal } = this.#plan
    if (signal && this.#abort) forget(signal, this.#abort)
    this.#queue.leave(this)
  }
}

/** Transfers one range, a few pieces at a time. */
export function transferRange(
  queue: Queue,
  offset: number,
  length: number,
  plan: Plan,
  resolve: () => void,
  reject: (error: unknown) => void,
): void {
  const { memory } = plan
  const longest = plan.take ? SCRATCH_BYTES : PIECE_BYTES
  let done = 0
  const next = (transfer: Transfer): Piece | undefined => {
    if (done >= length) return undefined
    const at = done
    const size = Math.min(longest, length - at)
    done += size
    return piece(transfer, offset + at, size, at, memory?.subarray(at, at + size))
  }
  new Transfer(queue, plan, PIECES_AT_ONCE, next, resolve, reject)
}

function piece(transfer: Transfer, offset: number, length: number, at: number, memory: Uint8Array | undefined): Piece {
  return { transfer, offset, length, at, memory, records: undefined, unwanted: undefined, index: 0 }
}
