// Stacks as the kernel walks them, made into frames.

import { type Frame, isLibc } from './frames.js'
import type { Programs } from './traced-processes.js'

/**
 * The frame next to the kernel comes first. The caller that was found on top of the stack goes between a function of libc's and the frame
 * that its frame pointer led to, where it is of another object than both: what has a name is better than what has none.
 *
 * @param callers what `findCaller()` has set: the caller on top, and those above a function that keeps no frame
 */
export function framesOf(
  programs: Programs,
  pid: number,
  addresses: readonly bigint[],
  [caller = 0n, ...above]: readonly bigint[],
): Frame[] {
  // Where it leads to no code any more, it was a chance.
  const end = above.findIndex(address => !programs.isCode(pid, address))
  const found = end < 0 ? above : above.slice(0, end)
  const walked = [...addresses.slice(0, found.length > 0 ? 1 : undefined), ...found]
  const [first, ...rest] = walked.map((address, depth) => programs.frameAt({ pid, address, returned: depth > 0 }))
  if (first === undefined) return []
  const skipped = programs.frameAt({ pid, address: caller, returned: true })
  const isNew = skipped.object !== undefined && ![first, rest[0]].some(frame => frame?.object === skipped.object)
  return isLibc(first) && isNew ? [first, skipped, ...rest] : [first, ...rest]
}
