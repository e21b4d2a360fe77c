// Notices changes of file sizes in this process: every change, in any thread, increments one number.

import { countSizeChanges, sizeChanges } from '#binding'

const memory = sizeChanges()
// Reading memory costs each call of a handle a nanosecond. Where the runtime does not allow external buffers, the addon
// is called instead.
const counter = memory && new Int32Array(memory)

/** The number that each change of a size increments. */
export const sizesChanged: () => number = counter ? () => counter[0] as number : () => countSizeChanges() | 0
