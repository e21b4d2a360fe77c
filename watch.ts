// faultless/watch: tells of turns of the event loop that were late because of page faults, for `node --import faultless/watch app.js`.

/**
 * `node --import faultless/watch app.js`, or `import 'faultless/watch'` in each thread that is to be watched: a warning of the process,
 * and a message on the channel `faultless:fault` of `node:diagnostics_channel`, where a turn of the event loop was late and the
 * thread took major page faults in it. Takes no root and no addon; Linux only. It names the turn, and the mapped files of which more is
 * in memory since; `npx faultless faults` names the line.
 *
 * @packageDocumentation
 */

import { watchThread } from './lib/watching.js'

export type { FaultMessage, MappedGrowth } from './lib/watching.js'

/** Whether this thread is watched. `FAULTLESS_WATCH_MS` in the environment is how late, in milliseconds, a turn has to be: 50 without it. */
export const watched: boolean = watchThread()
