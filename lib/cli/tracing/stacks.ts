// Turns stacks as the kernel walks them into frames.

import { type Frame, isLibc } from './frames.js'
import type { Programs } from './traced-processes.js'

/**
 * The innermost frame comes first. A function of libc keeps no frame, so the caller that was found on top of the stack
 * is inserted after it, if it is of another object than the neighbouring frames: a frame with a name is better than one
 * without.
 *
 * @param callers the values that `findCaller()` has set: the caller on top, and those above a function that keeps no
 *   frame
 */
export function framesOf(
  programs: Programs,
  pid: number,
  addresses: readonly bigint[],
  [caller = 0n, ...above]: readonly bigint[],
): Frame[] {
  // Addresses after the first one that is not code were found by chance.
  const end = above.findIndex(address => !programs.isCode(pid, address))
  const found = end < 0 ? above : above.slice(0, end)
  const walked = [...addresses.slice(0, found.length > 0 ? 1 : undefined), ...found]
  const [first, ...rest] = walked.map((address, depth) => programs.frameAt({ pid, address, returned: depth > 0 }))
  if (first === undefined) return []
  const skipped = programs.frameAt({ pid, address: caller, returned: true })
  const isNew = skipped.object !== undefined && ![first, rest[0]].some(frame => frame?.object === skipped.object)
  return isLibc(first) && isNew ? [first, skipped, ...rest] : [first, ...rest]
}
