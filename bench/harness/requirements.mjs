// What an experiment needs of a machine: each answers with the reason why it cannot run here, or with nothing.

/** Members that never run at the same time cannot wait for one another's lock. @param {{ cpu: { cores: number } }} environment */
export function twoCores({ cpu }) {
  return cpu.cores < 2 ? 'one core: threads that never run at once do not contend for a lock' : undefined
}

/** What this machine lacks is no failure: the rows that need it say so. @param {string} reason */
export function notRunnable(reason) {
  return Object.assign(new Error(reason), { code: 'ERR_NOT_RUNNABLE' })
}

/** What was asked for cannot be meant: a line for the user, without a stack. */
export class UsageError extends Error {}
