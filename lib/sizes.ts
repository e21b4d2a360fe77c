// What changes of file sizes in this process are noticed by: one number, which every change raises, in whatever thread.

import { countSizeChanges, sizeChanges } from '#binding'

const memory = sizeChanges()
// Reading memory costs each call of a handle a nanosecond. Where a runtime allows no external buffers, a call of the addon does it.
const counter = memory && new Int32Array(memory)

/** The number that each change of a size raises. */
export const sizesChanged: () => number = counter ? () => counter[0] as number : () => countSizeChanges() | 0
