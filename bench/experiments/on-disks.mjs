// What experiments of the native program and of Node on files of their own have in common: all is made, measured, and undone.
import { buildNative } from '../harness/native.mjs'
import { installPeers } from '../harness/peers.mjs'
import { measureTrials, Trials } from '../harness/trials.mjs'

/**
 * `make` makes the files, or says in `missing` why they cannot be had, and `worksOn` tells what is done on them; `noNative` is
 * why there is no native program, if there is none.
 * @template {{ missing?: string, dispose?: () => void }} On
 * @param {Parameters<NonNullable<import('./index.mjs').Experiment['measure']>>[0]} context
 * @param {{
 *   make: (size: import('../harness/cells.mjs').RunSize, signal: AbortSignal) => Promise<On>,
 *   worksOn: (size: import('../harness/cells.mjs').RunSize, on: On & { noNative?: string }) => import('../harness/trials.mjs').Work[],
 *   needsPeers?: boolean
 * }} experiment
 */
export async function measureOnDisks(context, { make, worksOn, needsPeers = true }) {
  const { size, signal, progress } = context
  progress.begin('building the native program')
  const noNative = await buildNative(signal)
  if (needsPeers) {
    progress.begin('installing bench/peers')
    await installPeers(signal)
  }
  progress.begin('making files')
  const on = await make(size, signal)
  try {
    const trials = new Trials(worksOn(size, { ...on, noNative }))
    await measureTrials(trials, context)
    return trials
  } finally {
    on.dispose?.()
  }
}
