// The experiments, in the order in which they are listed and reported.
import allocator from './allocator.mjs'
import api from './api.mjs'
import apps from './apps.mjs'
import arenas from './arenas.mjs'
import async from './async.mjs'
import audit from './audit.mjs'
import cache from './cache.mjs'
import coldDelay from './cold-delay.mjs'
import conclusion from './conclusion.mjs'
import copyOnPool from './copy-on-pool.mjs'
import coresCap from './cores-cap.mjs'
import dubiousGain from './dubious-gain.mjs'
import gap from './gap.mjs'
import gapBySize from './gap-by-size.mjs'
import inDetail from './in-detail.mjs'
import inOrder from './in-order.mjs'
import indexingBlocks from './indexing-blocks.mjs'
import jemalloc from './jemalloc.mjs'
import lockWait from './lock-wait.mjs'
import lockWaitAsync from './lock-wait-async.mjs'
import mallocBounds from './malloc-bounds.mjs'
import mmapMax from './mmap-max.mjs'
import mmapThresholdLow from './mmap-threshold-low.mjs'
import poolRule from './pool-rule.mjs'
import poolSize from './pool-size.mjs'
import poolSizeByFile from './pool-size-by-file.mjs'
import poolSizeDefault from './pool-size-default.mjs'
import poolSizeHuge from './pool-size-huge.mjs'
import prefault from './prefault.mjs'
import prefaultThenView from './prefault-then-view.mjs'
import pressure from './pressure.mjs'
import retention from './retention.mjs'
import reuse from './reuse.mjs'
import sharedViews from './shared-views.mjs'
import slowDisk from './slow-disk.mjs'
import smallFiles from './small-files.mjs'
import systemCalls from './system-calls.mjs'
import thp from './thp.mjs'
import thresholdDynamic from './threshold-dynamic.mjs'
import thresholdFixed from './threshold-fixed.mjs'
import thresholdRaised from './threshold-raised.mjs'
import tune from './tune.mjs'
import tuneSweep from './tune-sweep.mjs'

/**
 * @typedef {ReturnType<typeof import('../harness/environment.mjs').describeEnvironment> & {
 *   asked?: { experiments: string[], size: import('../harness/cells.mjs').RunSize, budget?: number }
 * }} Environment
 * @typedef {{ title: string, author: string, needs?: import('../harness/requirements.mjs').Needs }} Source
 *
 * One question. `claims` say what others found, the figure they gave, how it is measured here, and by which rule, written
 * before the run, the measured interval becomes a verdict. `needs` names what a
 * claim rests on and this machine lacks, where that is not what its whole source rests on: such a claim cannot be contradicted here.
 * `advice` is what a user can do where a claim holds whose figure says how many times as fast that is.
 * `obstacle` names what keeps the experiment from running. `traced`
 * are those of its cells whose locks are counted as well. One that takes long, and decides nothing that others rest on, is run
 * only where it is `named`, and at toy size. A quick run in which nothing is named takes the `brief` ones alone. `answers` are the
 * statements of the sources, by their ids, that it tries.
 * @typedef {{
 *   id: string, source: Source, text: string, figure: string, unit: string, advice?: string,
 *   rule: import('../harness/verdict.mjs').Rule,
 *   needs?: import('../harness/requirements.mjs').Needs,
 *   measure: (results: import('../harness/measured.mjs').Results, found?: Found, environment?: Environment) => import('../harness/statistics.mjs').Interval
 * }} Claim
 *
 * An experiment whose question cells cannot answer measures for itself, after the cells: `measure`, which takes about the
 * `time` that it says, in milliseconds, within its `budget`, where it is given one, and what it found is put into words by `report`. Where that is more than
 * trials, `recall` makes it of recorded ones.
 * @typedef {any} Found Trials, or else something with `failures` that only the experiment knows
 * @typedef {{
 *   size: import('../harness/cells.mjs').RunSize, budget?: number, signal: AbortSignal, recorded: import('../harness/recorded.mjs').Line[],
 *   record: (sample: object) => void, save: (name: string, text: string) => void,
 *   progress: ReturnType<typeof import('../report/progress.mjs').makeProgress>
 * }} Context
 * @typedef {{
 *   id: string, title: string, question: string, claims: Claim[], answers?: string[], named?: boolean, brief?: boolean,
 *   obstacle: (environment: Environment) => string | undefined,
 *   variants: (size: import('../harness/cells.mjs').RunSize) => import('../harness/cells.mjs').Cell[],
 *   traced?: (size: import('../harness/cells.mjs').RunSize) => import('../harness/cells.mjs').Cell[],
 *   time?: (size: import('../harness/cells.mjs').RunSize, budget?: number) => number,
 *   measure?: (context: Context) => Promise<Found>,
 *   report?: (found: Found) => string,
 *   recall?: (trials: ReturnType<typeof import('../harness/recorded.mjs').recordedTrials>, size: import('../harness/cells.mjs').RunSize) => Found
 * }} Experiment
 */

/** @type {Experiment[]} */
export const experiments = [
  gap,
  gapBySize,
  reuse,
  async,
  arenas,
  mmapThresholdLow,
  mmapMax,
  jemalloc,
  tune,
  tuneSweep,
  retention,
  allocator,
  thresholdFixed,
  thresholdRaised,
  thresholdDynamic,
  mallocBounds,
  thp,
  poolRule,
  poolSize,
  poolSizeByFile,
  poolSizeDefault,
  poolSizeHuge,
  lockWait,
  lockWaitAsync,
  coresCap,
  conclusion,
  inDetail,
  systemCalls,
  audit,
  indexingBlocks,
  copyOnPool,
  prefaultThenView,
  dubiousGain,
  api,
  apps,
  cache,
  coldDelay,
  inOrder,
  slowDisk,
  smallFiles,
  sharedViews,
  prefault,
  pressure,
]
