// CPU time that other programs take while a window is measured, and that a hypervisor withholds from this machine.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Milliseconds of a tick of /proc/stat. */
const TICK = 10
/** In shorter windows ticks do not tell loads apart. */
const SHORTEST = 100
/** The share of all processors from which on a window is taken again. */
const MOST = 0.15
/** So many windows of a run are taken again at most: on a machine that is always busy the run is to end. */
const PATIENCE = 12

/** @typedef {{ at: number, busy: number, stolen: number }} Times milliseconds of all processors since the machine started */

/** @returns {Times | undefined} nothing where there is no /proc/stat */
export function cpuTimes() {
  let text
  try {
    text = readFileSync('/proc/stat', 'utf8')
  } catch {
    return undefined
  }
  const [user, nice, system, , , irq, softirq, stolen] = text.split('\n', 1)[0].split(/\s+/).slice(1).map(Number)
  return {
    at: performance.now(),
    busy: TICK * (user + nice + system + irq + softirq),
    stolen: TICK * (stolen ?? 0),
  }
}

/**
 * The share of all processors that others took between two looks, and that was stolen.
 * @param {Times} before
 * @param {Times} after
 * @param {number} own milliseconds of CPU time that were ours
 */
export function shares(before, after, own, processors = availableParallelism()) {
  const whole = (after.at - before.at) * processors
  const share = milliseconds => Math.max(0, milliseconds / whole)
  return { foreign: share(after.busy - before.busy - own), stolen: share(after.stolen - before.stolen) }
}

/** What a run has seen of other load. */
export class OtherLoad {
  /** Windows that were long enough to be looked at, those with too much other load, and those taken again for it. */
  windows = 0
  busy = 0
  retaken = 0

  /**
   * Why a window is to be taken again, if it is.
   * @param {Times | undefined} before
   * @param {Times | undefined} after
   * @param {{ usage?: Record<string, number> }} sample
   * @returns {string | undefined}
   */
  reasonAgainst(before, after, { usage }) {
    if (!before || !after || !usage || after.at - before.at < SHORTEST) return undefined
    const { foreign, stolen } = shares(before, after, usage.userMs + usage.systemMs)
    this.windows += 1
    if (foreign <= MOST && stolen <= MOST) return undefined
    this.busy += 1
    if (this.retaken >= PATIENCE) return undefined
    this.retaken += 1
    const percent = share => `${Math.round(100 * share)} %`
    return `other programs took ${percent(foreign)} of the processors, the hypervisor ${percent(stolen)}`
  }
}

/** The share of windows with other load up to which a run is called quiet. */
const QUIET = 0.05

/** For the end of a run: how quiet the machine was. @param {Pick<OtherLoad, 'windows' | 'busy' | 'retaken'>} [load] as it was recorded */
export function loadText(load) {
  if (!load || load.windows === 0) return 'quiet or not: unknown, no window was long enough to tell other load'
  const { windows, busy, retaken } = load
  const again = retaken > 0 ? `, ${retaken} taken again` : ''
  return `${busy <= QUIET * windows ? 'quiet' : 'NOT QUIET'}: other load above ${100 * MOST} % of the processors in ${busy} of ${windows} windows${again}`
}
