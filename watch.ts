// faultless/watch: warns of late turns of the event loop with page faults, for `node --import faultless/watch app.js`.

/**
 * `node --import faultless/watch app.js`, or `import 'faultless/watch'` in each thread to watch. Where a turn of the
 * event loop is late and its thread took major page faults, the process emits a warning, and the channel
 * `faultless:fault` of `node:diagnostics_channel` gets a message. It needs neither root nor the addon, and works on
 * Linux only. It names the mapped files that have grown in memory meanwhile; `npx faultless faults` shows the line of
 * code.
 *
 * @packageDocumentation
 */

import { watchThread } from './lib/watching.js'

export type { FaultMessage, MappedGrowth } from './lib/watching.js'

/**
 * Whether this thread is watched. A turn is late after 50 ms, or after as many milliseconds as `FAULTLESS_WATCH_MS` in
 * the environment says.
 */
export const watched: boolean = watchThread()
