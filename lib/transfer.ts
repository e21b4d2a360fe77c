// One range's way through the queue: cut into pieces, a few of which are under way at a time, until all are done.

import { type Kind, PIECE_BYTES, type Queue, type Request, type Whole } from './queue.js'
import { SCRATCH_BYTES } from './scratch.js'

/** Pieces of one range that are queued at the same time: enough for every thread that may be taken, no more. */
const PIECES_AT_ONCE = 4

/** What a transfer needs to know besides its range. */
export interface Plan {
  kind: Kind
  signal?: AbortSignal | undefined
  /** Memory of ours, as long as the range, that pool threads write directly. */
  memory?: Uint8Array
  /** Takes the bytes of a piece that came through scratch memory; `at` is their position in the range. */
  take?: (bytes: Uint8Array, at: number) => void
}

/** Resolves when every byte of the range has been transferred or populated; rejects once, with the first failure. */
export function transfer(queue: Queue, offset: number, length: number, plan: Plan): Promise<void> {
  const { kind, signal, memory, take } = plan
  const pieceBytes = take ? SCRATCH_BYTES : PIECE_BYTES
  if (length === 0) return Promise.resolve()

  return new Promise((resolve, reject) => {
    const queued = new Set<Request>()
    let next = 0

    const settle = (error?: unknown) => {
      if (whole.settled) return
      whole.settled = true
      signal?.removeEventListener('abort', abort)
      for (const request of queued) request.drop?.()
      if (error === undefined) resolve()
      else reject(error)
      // Last: whoever waits for the queue to be idle comes after whoever waits for the range.
      queue.leave(whole)
    }
    const abort = () => settle(signal?.reason)
    const canBeDropped = signal !== undefined || length > pieceBytes
    const whole: Whole = { begun: false, settled: false, canBeDropped, fail: settle }

    const queueMore = () => {
      while (!whole.settled && next < length && queued.size < PIECES_AT_ONCE) {
        const at = next
        const size = Math.min(pieceBytes, length - at)
        next += size
        const request: Request = {
          whole,
          offset: offset + at,
          length: size,
          done(error, bytes) {
            queued.delete(request)
            if (error !== undefined) return settle(error)
            try {
              if (bytes) take?.(bytes, at)
            } catch (refused) {
              return settle(refused)
            }
            if (next >= length && queued.size === 0) settle()
            else queueMore()
          },
        }
        if (memory) request.memory = memory.subarray(at, at + size)
        queued.add(request)
        queue.add(kind, request)
      }
    }

    signal?.addEventListener('abort', abort, { once: true })
    queue.enter(whole)
    queueMore()
  })
}
