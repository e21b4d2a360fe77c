// Copies on this thread into a caller's memory, which may be a view that writes through to the very bytes that are copied.

import { ownMemory } from './memory.js'
import { tryCopy, tryCopyMany } from './reader.js'
import { bufferOf, copyTo } from './targets.js'

/** Memory whose stores reach a file. There are few: looking for one costs a read nothing as long as there are none. */
const writable = new WeakSet<ArrayBuffer>()
let areThereAny = false

/** From now on stores to this memory reach a file. */
export function noteWritable(window: ArrayBuffer): void {
  writable.add(window)
  areThereAny = true
}

/** As the addon's `tryCopy`; what the caller stores there is what was read before. */
export function copyInto(reader: number, target: Uint8Array, at: number, offset: number, length: number): boolean {
  if (!mayOverlap(target)) return tryCopy(reader, target, at, offset, length)
  const bytes = ownMemory(length)
  const copied = tryCopy(reader, bytes, 0, offset, length)
  if (copied) copyTo(target, at, bytes, 0, length)
  return copied
}

/** As the addon's `tryCopyMany`, likewise, of records that have `total` bytes. */
export function gatherInto(
  reader: number,
  target: Uint8Array,
  at: number,
  offsets: Float64Array,
  lengths: Float64Array,
  total: number,
): number {
  if (!mayOverlap(target)) return tryCopyMany(reader, target, at, offsets, lengths)
  const bytes = ownMemory(total)
  const copied = tryCopyMany(reader, bytes, 0, offsets, lengths)
  if (copied === offsets.length) copyTo(target, at, bytes, 0, total)
  return copied
}

function mayOverlap(target: Uint8Array): boolean {
  return areThereAny && writable.has(bufferOf(target))
}
