// residency(): counts the pages of a range that are in memory, in steps, so that close() and terminate() wait for one step only.

import type { Handle } from './handle.js'
import { LOOK_BYTES } from './limits.js'

/** The number of pages of a range that are in memory. */
export interface Residency {
  /** Pages of the range, of `pageSize` bytes each. */
  pages: number
  /** Pages in the page cache; undefined where the kernel does not show this user the page cache. */
  resident: number | undefined
  /** Pages that are mapped into this process, so that touching them does not wait; correct for every user. */
  mapped: number
  /** Bytes of a page. */
  pageSize: number
}

/** Counts the pages of a range within the file. */
export async function countResidency(handle: Handle, offset: number, length: number): Promise<Residency> {
  const sum: Residency = { pages: 0, resident: 0, mapped: 0, pageSize: 0 }
  let at = offset
  do {
    // Steps end at page boundaries, so that no page is counted twice.
    const end = Math.min(offset + length, at - (at % LOOK_BYTES) + LOOK_BYTES)
    const native = handle.open()
    const { pages, resident, mapped, pageSize } = await handle.queue.run(() => native.residency(at, end - at))
    sum.pages += pages
    // A Rust Option that is None arrives as null.
    sum.resident =
      (resident ?? undefined) === undefined || sum.resident === undefined
        ? undefined
        : sum.resident + (resident as number)
    sum.mapped += mapped
    sum.pageSize = pageSize
    at = end
  } while (at < offset + length)
  return sum
}
