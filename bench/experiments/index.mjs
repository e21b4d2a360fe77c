// The experiments, in the order in which they are listed and reported.
import allocator from './allocator.mjs'
import api from './api.mjs'
import arenas from './arenas.mjs'
import async from './async.mjs'
import audit from './audit.mjs'
import cache from './cache.mjs'
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
import mmapMax from './mmap-max.mjs'
import mmapThresholdLow from './mmap-threshold-low.mjs'
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
 * One question. `claims` say what others found, the figure they gave, how it is measured here, and by which rule, written
 * before the run, the measured interval becomes a verdict. `obstacle` names what keeps the experiment from running. `traced`
 * are those of its cells whose locks are counted as well. One that takes long, and decides nothing that others rest on, is run
 * only where it is `named`, and at toy size.
 * @typedef {{
 *   id: string, source: { title: string, author: string }, text: string, figure: string, unit: string,
 *   rule: import('../harness/verdict.mjs').Rule,
 *   measure: (results: import('../harness/measured.mjs').Results, found?: Found) => import('../harness/ratios.mjs').Interval
 * }} Claim
 *
 * An experiment whose question cells cannot answer measures for itself, after the cells: `measure`, which takes about the
 * `time` that it says, in milliseconds, within its `budget`, where it is given one, and what it found is put into words by `report`.
 * @typedef {{ failures: string[] } & Record<string, any>} Found
 * @typedef {{
 *   size: import('../harness/cells.mjs').RunSize, budget?: number, signal: AbortSignal, recorded: object[],
 *   record: (sample: object) => void, save: (name: string, text: string) => void,
 *   progress: ReturnType<typeof import('../report/progress.mjs').makeProgress>
 * }} Context
 * @typedef {{
 *   id: string, title: string, question: string, claims: Claim[], named?: boolean,
 *   obstacle: (environment: ReturnType<typeof import('../harness/environment.mjs').describeEnvironment>) => string | undefined,
 *   variants: (size: import('../harness/cells.mjs').RunSize) => import('../harness/cells.mjs').Cell[],
 *   traced?: (size: import('../harness/cells.mjs').RunSize) => import('../harness/cells.mjs').Cell[],
 *   time?: (size: import('../harness/cells.mjs').RunSize, budget?: number) => number,
 *   measure?: (context: Context) => Promise<Found>,
 *   report?: (found: Found) => string
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
  thp,
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
  cache,
  inOrder,
  slowDisk,
  smallFiles,
  sharedViews,
  prefault,
  pressure,
]
