// faultless/tune: allocator.tune() with its defaults, for `node --import faultless/tune app.js`.

/**
 * `node --import faultless/tune app.js`, or `--require`, or in `NODE_OPTIONS`: calls `allocator.tune()` with its
 * defaults before the program starts. It never fails. On platforms without the addon, {@link tuned} has the reason why
 * nothing was tuned.
 *
 * @packageDocumentation
 */

import { createRequire } from 'node:module'
import type { Tuned } from './lib/tuning.js'

/** The result of {@link allocator.tune}. */
export const tuned: Tuned = tuneWherePossible()

// The program must also start on platforms that have no addon. None of them has the malloc of glibc.
function tuneWherePossible(): Tuned {
  try {
    const { tune } = createRequire(import.meta.url)('./lib/tuning.js') as typeof import('./lib/tuning.js')
    return tune()
  } catch (error) {
    return { applied: {}, supported: false, reason: `faultless could not be loaded: ${(error as Error).message}` }
  }
}
