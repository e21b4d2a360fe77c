// How much is answered at once in one turn of the event loop, so that a loop of warm awaits never starves timers.

/** Bytes that may be copied on the JS thread in one turn of the loop: about 0.2 ms. */
export const INLINE_BYTES_PER_TURN = 1 << 20

/** What a call costs besides its bytes, in bytes: about a thousand of the smallest calls fill a turn. */
export const COST_OF_A_CALL = 1024

let spent = 0
let turning = false
let later: Array<() => void> = []

/** Whether an answer of `bytes` may still be given in this turn; if so, it is counted. */
export function affords(bytes: number): boolean {
  if (spent >= INLINE_BYTES_PER_TURN) return false
  spent += bytes + COST_OF_A_CALL
  if (!turning) turn()
  return true
}

/** Calls back in a later turn, when timers and I/O have had theirs. */
export function inALaterTurn(callback: () => void): void {
  later.push(callback)
  if (!turning) turn()
}

function turn(): void {
  turning = true
  setImmediate(() => {
    turning = false
    spent = 0
    const due = later
    later = []
    for (const callback of due) callback()
  })
}
