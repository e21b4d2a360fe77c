// Gathers many records of a file in runs, which are contiguous in memory, so that each batch takes one copy.

import { BLOCK_BYTES, COST_OF_A_CALL, INLINE_BYTES, JOB_RANGES, SCRATCH_BYTES } from './limits.js'
import { sharedMemory } from './memory.js'
import type { Queue } from './queue.js'
import { tryCopyMany } from './reader.js'
import { copyTo, mustHaveRoom } from './targets.js'
import { type Piece, pieceOf, Transfer } from './transfer.js'
import { affords, answer, answerFree, NOW, refund, type When } from './turn-budget.js'

/** Records within the file. */
export interface Records {
  count: number
  offsets: Float64Array
  lengths: Float64Array
}

/** Consecutive records, contiguous in memory. */
export interface Run {
  /** The memory of the caller; otherwise the run allocates its own when it is read. */
  memory: Uint8Array | undefined
  /** The offset of the first record in the memory. */
  targetOffset: number
  /** The index of the first record, and the number of records. */
  first: number
  count: number
  bytes: number
}

/** The records to gather, and their memory. */
export interface Gathering {
  queue: Queue
  reader: number
  signal: AbortSignal | undefined
  offsets: Float64Array
  /** Each at most SCRATCH_BYTES. */
  lengths: Float64Array
  runs: Run[]
  /** Whether the memory of the runs was allocated here and is still private, so that pool threads may write it. */
  ours: boolean
  /**
   * Called when the records of a run are in its memory. Failed records are given by index. If it throws, all remaining
   * runs fail.
   */
  arrived(run: Run, failures?: Map<number, unknown>): void
}

/** Splits records into runs. They are contiguous in `memory`; otherwise each has memory of its own. */
export function toRuns({ count, lengths }: Records, memory?: Uint8Array): Run[] {
  const runs: Run[] = []
  const most = memory ? INLINE_BYTES : BLOCK_BYTES
  let targetOffset = 0
  for (let next = 0; next < count; ) {
    const first = next
    let bytes = 0
    do {
      bytes += lengths[next] as number
      next += 1
    } while (next < count && next - first < JOB_RANGES && bytes + (lengths[next] as number) <= most)
    runs.push({ memory, targetOffset, first, count: next - first, bytes })
    if (memory) targetOffset += bytes
  }
  return runs
}

/** The memory of a run. */
export function memoryOf(run: Run): Uint8Array {
  run.memory ??= sharedMemory(run.bytes)
  return run.memory
}

/** Gathers runs on this thread while they are in memory and within the budget of the turn, and the rest on the pool. */
export function gather(gathering: Gathering): Promise<void> {
  const { runs } = gathering
  if (runs.length === 0) return answerFree(undefined)
  let when: When = NOW
  let next = 0
  for (; next < runs.length; next += 1) {
    const run = runs[next] as Run
    const here = affords(run.bytes + run.count * COST_OF_A_CALL)
    if (!here) break
    if (!copiesNow(gathering, run)) {
      refund(run.bytes)
      break
    }
    when = here
    gathering.arrived(run)
  }
  if (next === runs.length) return answer(undefined, when)
  return new Promise((resolve, reject) => fetchFrom(gathering, next, resolve, reject))
}

// A run fails as a whole where the file was truncated. The pool then reports which of its records failed.
function copiesNow({ queue, reader, offsets, lengths }: Gathering, run: Run): boolean {
  const { targetOffset, first, count } = run
  const end = first + count
  try {
    const [some, sizes] = [offsets.subarray(first, end), lengths.subarray(first, end)]
    const copied = tryCopyMany(reader, memoryOf(run), targetOffset, some, sizes)
    if (copied < 0) queue.beginAhead(some[count - 1] as number, sizes[count - 1] as number)
    return Math.abs(copied) === count
  } catch {
    return false
  }
}

function fetchFrom(gathering: Gathering, first: number, resolve: () => void, reject: (error: unknown) => void): void {
  const { queue, signal, offsets, lengths, runs, ours, arrived } = gathering
  let next = first
  const nextPiece = (transfer: Transfer): Piece | undefined => {
    const some: Run[] = []
    let [bytes, count] = [0, 0]
    for (; next < runs.length; next += 1) {
      const run = runs[next] as Run
      if (some.length > 0 && (bytes + run.bytes > SCRATCH_BYTES || count + run.count > JOB_RANGES)) break
      some.push(run)
      bytes += run.bytes
      count += run.count
    }
    const [run] = some
    if (!run) return undefined
    const records = {
      offsets: offsets.subarray(run.first, run.first + count),
      lengths: lengths.subarray(run.first, run.first + count),
      memory: ours ? some.map(memoryOf) : undefined,
      arrived: (scratch: Buffer | undefined, failures?: Map<number, unknown>) => {
        let from = 0
        for (const one of some) {
          if (scratch) {
            mustHaveRoom(memoryOf(one), one.targetOffset + one.bytes)
            copyTo(memoryOf(one), one.targetOffset, scratch, from, one.bytes)
          }
          from += one.bytes
          arrived(one, numbered(failures, run.first))
        }
      },
    }
    return pieceOf(transfer, 0, bytes, 0, undefined, records)
  }
  new Transfer(queue, { kind: 'solo', signal }, Number.POSITIVE_INFINITY, nextPiece, resolve, reject)
}

// A job numbers its ranges from 0.
function numbered(failures: Map<number, unknown> | undefined, first: number): Map<number, unknown> | undefined {
  return failures && new Map([...failures].map(([index, error]) => [first + index, error]))
}
