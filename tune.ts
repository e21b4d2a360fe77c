// faultless/tune: allocator.tune() with its defaults, for `node --import faultless/tune app.js`.

/**
 * `node --import faultless/tune app.js`, or `--require`, or in `NODE_OPTIONS`: `allocator.tune()` with its defaults, before the
 * program begins. Never fails; on platforms without the addon, too, it says in {@link tuned} that there is nothing to tune.
 *
 * @packageDocumentation
 */

import { createRequire } from 'node:module'
import type { Tuned } from './lib/tuning.js'

/** What it came to, as of {@link allocator.tune}. */
export const tuned: Tuned = tuneWherePossible()

// The program that asked for it is to run on platforms that have no addon, too: there is glibc's malloc on none of them.
function tuneWherePossible(): Tuned {
  try {
    const { tune } = createRequire(import.meta.url)('./lib/tuning.js') as typeof import('./lib/tuning.js')
    return tune()
  } catch (error) {
    return { applied: {}, supported: false, reason: `faultless could not be loaded: ${(error as Error).message}` }
  }
}
