// Notices changes in this process: each changed size of a file, and each loss of bytes of a view, in any thread,
// increments one number.

import { changes, countChanges } from '#binding'

const memory = changes()
// Reading memory costs each call of a handle a nanosecond. Where the runtime does not allow external buffers, the addon
// is called instead.
const counter = memory && new Int32Array(memory)

/** The number that each change increments. */
export const changeCount: () => number = counter ? () => counter[0] as number : () => countChanges() | 0
