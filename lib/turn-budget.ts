// The budget of results that one turn of the event loop returns at once, so that a loop of awaited warm reads never
// starves timers.

import { setImmediate } from './language.js'
import { COST_OF_A_CALL, INLINE_BYTES_PER_TURN, OVERDRAFT_BYTES } from './limits.js'

/** When a result may be returned: not on this thread, at once, or in the next turn. */
export type When = 0 | 1 | 2
export const NOT_HERE = 0
export const NOW = 1
export const NEXT_TURN = 2

// FAULTLESS_INLINE=off has the pool do all reads, to measure the difference.
const inline = process.env.FAULTLESS_INLINE !== 'off'

let spent = 0
let turning = false
let due: Array<() => void> = []

/** When a result of `bytes` may be returned. The bytes are counted, except for NOT_HERE. */
export function affords(bytes: number): When {
  if (!inline || spent >= INLINE_BYTES_PER_TURN + OVERDRAFT_BYTES) return NOT_HERE
  const when = spent < INLINE_BYTES_PER_TURN ? NOW : NEXT_TURN
  spent += bytes + COST_OF_A_CALL
  if (!turning) {
    turning = true
    setImmediate(turn)
  }
  return when
}

/** Takes back the bytes of a result that could not be returned. */
export function refund(bytes: number): void {
  spent -= bytes
}

/**
 * A promise of a result that costs nothing and is always returned on this thread. A loop of them still gives timers a
 * turn.
 */
export function answerFree<T>(value: T): Promise<T> {
  return answer(value, affords(0) === NOW ? NOW : NEXT_TURN)
}

/** A promise of an available result. */
export function answer<T>(value: T, when: When): Promise<T> {
  return when === NEXT_TURN ? new Promise(resolve => inTheNextTurn(() => resolve(value))) : Promise.resolve(value)
}

/** Calls back when timers and I/O have had their turn. */
export function inTheNextTurn(callback: () => void): void {
  due.push(callback)
  if (turning) return
  turning = true
  setImmediate(turn)
}

function turn(): void {
  turning = false
  spent = 0
  const callbacks = due
  due = []
  for (const callback of callbacks) callback()
}
