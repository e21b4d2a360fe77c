// residency(): how much of a range is in memory, counted in steps, so that neither close() nor terminate() waits for all of it.

import type { Handle } from './handle.js'
import { LOOK_BYTES } from './limits.js'

/** How much of a range is in memory. */
export interface Residency {
  /** Pages of the range, of `pageSize` bytes each. */
  pages: number
  /** How many are in the page cache; undefined where the kernel will not tell this user the truth. */
  resident: number | undefined
  /** How many are mapped into this process already, so that touching them cannot wait: true for every user. */
  mapped: number
  /** Bytes of a page. */
  pageSize: number
}

/** Counts the pages of a range within the file. */
export async function countResidency(handle: Handle, offset: number, length: number): Promise<Residency> {
  const sum: Residency = { pages: 0, resident: 0, mapped: 0, pageSize: 0 }
  let at = offset
  do {
    // Steps end where pages do, so that none is counted twice.
    const end = Math.min(offset + length, at - (at % LOOK_BYTES) + LOOK_BYTES)
    const native = handle.open()
    const { pages, resident, mapped, pageSize } = await handle.queue.run(() => native.residency(at, end - at))
    sum.pages += pages
    // An Option that is None arrives as null.
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
