// What a call comes to, and whether that is what had to come of it.

import { CLOSED } from './values.mjs'

/** What a refusal is told as: its class and code, or itself where it is nobody's error but the caller's. */
export const told = error => (error?.code === undefined ? error : `${error.constructor?.name} ${error.code}`)

class Wrong extends Error {}

export function must(truth, what) {
  if (!truth) throw new Wrong(what)
}

/**
 * One call on its way: `outcome` is what it comes to. `refusals` are those of its arguments, one of which must be what it
 * ends with, if there are any; `excuses`, those that may come of what happens meanwhile; `check` throws unless the answer is
 * right, and `rejected` unless the call left behind what it may.
 */
export function expected({ refusals, excuses = [], check = isNothing, rejected = () => {} }) {
  return { refusals, excuses, check, rejected }
}

const isNothing = result => must(result === undefined, `there is a result: ${result}`)

/** Bytes of a file: as many as the world has in `wanted` bytes at an offset, and the right ones. */
export function sameBytes(world, offset, wanted, bytes, what) {
  const [least, most] = world.span(offset, wanted)
  must(bytes.length >= least && bytes.length <= most, `${what}: ${bytes.length} bytes instead of ${most}`)
  must(world.mayHold(offset, bytes), `${what}: wrong bytes`)
}

/** What may throw: the rest rejects. */
const THROWS = /^(try|construct$|chunks$|createReadStream$|foreign$|release$)/

/** Runs a call; resolves to its `value` or its `error`. */
export function begin({ run }, { method }) {
  try {
    return settled(run())
  } catch (error) {
    must(THROWS.test(method), `${method} threw instead of rejecting: ${error}`)
    return { error }
  }
}

async function settled(answer) {
  try {
    return { value: await answer }
  } catch (error) {
    return { error }
  }
}

/** Throws unless the call ended as it must. */
export function judge({ refusals, excuses, check, rejected }, outcome, { mayBeClosed }) {
  if (!('error' in outcome)) {
    must(refusals.length === 0, `it was not refused: ${refusals}`)
    check(outcome.value)
    return
  }
  const { error } = outcome
  const code = told(error)
  const allowed = [...(refusals.length > 0 ? refusals : excuses), mayBeClosed ? CLOSED : undefined].filter(Boolean)
  if (!allowed.includes(code)) throw new Wrong(`refused as ${String(code)}: ${error?.stack}`)
  rejected(error)
}
