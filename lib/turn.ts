// How much is answered at once in one turn of the event loop, so that a loop of warm awaits never starves timers.

/** Bytes that may be copied on the JS thread in one turn of the loop: about 0.2 ms. What is beyond goes to the pool. */
export const INLINE_BYTES_PER_TURN = 1 << 20

/** What a call costs besides its bytes, in bytes: about a thousand of the smallest calls fill a turn. */
export const COST_OF_A_CALL = 1024

let spent = 0
let turning = false

/** Whether an answer of `bytes` may still be given in this turn; if so, it is counted. */
export function affords(bytes: number): boolean {
  if (spent >= INLINE_BYTES_PER_TURN) return false
  spent += bytes + COST_OF_A_CALL
  if (!turning) {
    turning = true
    setImmediate(turn)
  }
  return true
}

/** Takes back the bytes of an answer that could not be given. */
export function refund(bytes: number): void {
  spent -= bytes
}

function turn(): void {
  turning = false
  spent = 0
}
