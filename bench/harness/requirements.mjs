// What an experiment needs of a machine: each answers with the reason why it cannot run here, or with nothing.

/** Members that never run at the same time cannot wait for one another's lock. @param {{ cpu: { cores: number } }} environment */
export function twoCores({ cpu }) {
  return cpu.cores < 2 ? 'one core: threads that never run at once do not contend for a lock' : undefined
}

/**
 * What a claim rests on beyond what is needed to try it: each answers with what is missing here, or with nothing.
 * @typedef {(environment: ReturnType<typeof import('./environment.mjs').describeEnvironment>) => string | undefined} Needs
 */

/** @param {number} count @returns {Needs} */
export const hardwareThreads =
  count =>
  ({ cpu }) =>
    cpu.cores < count ? `${count} hardware threads (here ${cpu.cores})` : undefined

/** @param {number} major @returns {Needs} */
export const nodeFrom =
  major =>
  ({ node }) =>
    Number(/\d+/.exec(node)) < major ? `Node ${major} or later (here ${node})` : undefined

/** @param {number} most in KiB @returns {Needs} */
export const readAheadUpTo =
  most =>
  ({ readAheadKiB }) =>
    readAheadKiB > most ? `a read-ahead of ${most} KiB (here ${readAheadKiB})` : undefined

/** @param {...Needs} needs @returns {Needs} */
export const all =
  (...needs) =>
  environment =>
    needs.flatMap(one => one(environment) ?? []).join(' and ') || undefined

/** For a claim on a mechanism that any machine shows. @type {Needs} */
export const nothingMore = () => undefined

/** What this machine lacks is no failure: the rows that need it say so. @param {string} reason */
export function notRunnable(reason) {
  return Object.assign(new Error(reason), { code: 'ERR_NOT_RUNNABLE' })
}

/** What was asked for cannot be meant: a line for the user, without a stack. */
export class UsageError extends Error {}
