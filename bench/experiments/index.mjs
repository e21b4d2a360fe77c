// The experiments, in the order in which they are listed and reported.
import api from './api.mjs'
import async from './async.mjs'
import gap from './gap.mjs'
import gapBySize from './gap-by-size.mjs'
import reuse from './reuse.mjs'

/**
 * One question. `claims` say what others found, the figure they gave, how it is measured here, and by which rule, written
 * before the run, the measured interval becomes a verdict. `obstacle` names what keeps the experiment from running.
 * @typedef {{
 *   id: string, source: { title: string, author: string }, text: string, figure: string, unit: string,
 *   rule: import('../harness/verdict.mjs').Rule,
 *   measure: (results: import('../harness/run.mjs').Results, found?: Found) => import('../harness/compare.mjs').Interval
 * }} Claim
 *
 * An experiment whose question cells cannot answer measures for itself, after the cells: `measure`, which takes about the
 * `time` that it says, in milliseconds, and what it found is put into words by `report`.
 * @typedef {{ failures: string[] } & Record<string, any>} Found
 * @typedef {{
 *   size: import('../harness/cells.mjs').RunSize, signal: AbortSignal,
 *   record: (sample: object) => void, save: (name: string, text: string) => void,
 *   progress: ReturnType<typeof import('../report/progress.mjs').makeProgress>
 * }} Context
 * @typedef {{
 *   id: string, title: string, question: string, claims: Claim[],
 *   obstacle: (environment: ReturnType<typeof import('../harness/environment.mjs').describeEnvironment>) => string | undefined,
 *   variants: (size: import('../harness/cells.mjs').RunSize) => import('../harness/cells.mjs').Cell[],
 *   time?: (size: import('../harness/cells.mjs').RunSize) => number,
 *   measure?: (context: Context) => Promise<Found>,
 *   report?: (found: Found) => string
 * }} Experiment
 */

/** @type {Experiment[]} */
export const experiments = [gap, gapBySize, reuse, async, api]
