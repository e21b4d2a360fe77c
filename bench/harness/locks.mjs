// How often groups of members take the lock of their address space, and how long they wait for it, window by window.
import { LockTrace, sumFigures } from '../../dist/lib/cli/tracing/locks/index.js'
import { Group } from './barrier.mjs'
import { dataFile } from './files.mjs'

/** What members need to hear of a start before it comes, in milliseconds. */
const LEAD = 50
const NANOSECONDS = 1e6

/**
 * Has k workers read in windows, and counts. What comes before the windows, in `warmup` milliseconds, is not counted: heaps
 * grow, code is compiled.
 * @param {import('./cells.mjs').Cell} cell
 * @param {{ warmup: number, rounds: number, milliseconds: number }} windows
 */
export async function countLocks(cell, { warmup, ...windows }) {
  const group = new Group(cell, 'workers', dataFile(cell.size))
  await group.ready()
  if (warmup > 0) await group.sample({ lead: LEAD, milliseconds: warmup })
  const counts = await countWindows(group, windows)
  await group.stop()
  return counts
}

/**
 * What a group that is ready takes of locks for writing in windows that begin now, and the milliseconds it waits for them.
 * @param {Group} group
 * @param {{ rounds: number, milliseconds: number }} windows
 */
function countWindows(group, { rounds, milliseconds }) {
  return traced([group.pid], async mark => {
    const windows = []
    for (let round = 0; round < rounds; round += 1) {
      mark()
      windows.push(await group.sample({ lead: LEAD, milliseconds }))
    }
    return ({ sections }) =>
      windows.map(({ members }, round) => {
        const reads = members.reduce((sum, { operations }) => sum + operations, 0)
        const { count: writes, waited } = sections[round + 1].total.writes
        const elapsed = Math.max(...members.map(member => member.elapsed))
        return { reads, elapsed, writes, waited: waited.total / NANOSECONDS, perThousand: (1000 * writes) / reads }
      })
  })
}

/**
 * What members take of locks, for writing and for reading, in their first reads. `lost` acquisitions were counted without
 * their figures, and `leftOut` are those of other processes.
 * @typedef {{
 *   locks: import('../../dist/lib/cli/tracing/locks/index.js').Figures, lost: number, unmatched: number, leftOut: number
 * }} LockSample
 */

/**
 * Counts in the first reads of a group of each mode, one after the other. The trace follows this process, before any member
 * lives, so that no child of anyone is missed; what this process takes itself is not counted.
 * @param {import('./cells.mjs').Cell} cell
 * @param {import('./cells.mjs').Mode[]} inTurn
 * @param {{ path: string, checksum: number }} file
 * @param {{ milliseconds: number, reads: number, lead: number }} window
 * @returns {Promise<import('./run.mjs').TracedPair>}
 */
export function traceGroups(cell, inTurn, file, window) {
  return traced([process.pid], async mark => {
    const samples = []
    for (const mode of inTurn) {
      const group = new Group(cell, mode, file)
      await group.ready()
      mark()
      const { kind: _, ...sample } = await group.sample(window)
      mark()
      await group.stop()
      samples.push(sample)
    }
    return ({ sections, lost, unmatched, leftOut }) =>
      Object.fromEntries(
        inTurn.map((mode, turn) => {
          const threads = sections[2 * turn + 1].threads.filter(({ pid }) => pid !== process.pid)
          return [mode, { ...samples[turn], locks: sumFigures(threads), lost, unmatched, leftOut }]
        }),
      )
  })
}

/**
 * Runs work while these processes, and all that they start, are traced; it resolves to what makes something of the report.
 * @template T
 * @param {number[]} pids
 * @param {(mark: () => void) => Promise<(report: import('../../dist/lib/cli/tracing/locks/index.js').LockReport) => T>} work
 * @param {{ stacks?: boolean }} [options] whether the functions that take it are looked at
 * @returns {Promise<T>}
 */
export async function traced(pids, work, { stacks = false } = {}) {
  const trace = await LockTrace.start(pids, { marks: true, stacks })
  try {
    const conclude = await work(() => trace.mark())
    return conclude(await trace.stop())
  } catch (error) {
    await trace.abandon()
    throw error
  }
}
