// One group seen from all sides: what it gets done, what of memory that takes, and beside it what it does to the lock.
import { Group } from './barrier.mjs'
import { dataFile } from './files.mjs'
import { countLocks } from './locks.mjs'

/** What members need to hear of a start before it comes, in milliseconds. */
const lead = ({ k }) => 10 + 3 * k

/**
 * Has the members of a cell, as worker threads, do their job in windows. The lock is looked at in the same windows of a group
 * of its own, since looking at it slows whoever takes it.
 * @param {import('./cells.mjs').Cell} cell
 * @param {{ warmup: number, rounds: number, milliseconds: number, locks?: boolean }} windows
 * @returns {Promise<Observation[]>}
 * @typedef {{
 *   rate: number, resident: number, faults: number, locks?: { writes: number, waiting: number }
 * }} Observation done in a second, bytes resident at the end, page faults each; lock writes each, and milliseconds waited for
 * them by all members in a second
 */
export async function observe(cell, { locks = false, ...windows }) {
  const samples = await sample(cell, windows)
  if (!locks) return samples
  const counts = await countLocks(cell, windows)
  return samples.map((sample, round) => {
    const { reads, elapsed, writes, waited } = counts[round]
    return { ...sample, locks: { writes: writes / reads, waiting: (1000 * waited) / elapsed } }
  })
}

async function sample(cell, { warmup, rounds, milliseconds }) {
  const group = new Group(cell, 'workers', dataFile(cell.size))
  try {
    await group.ready()
    if (warmup > 0) await group.sample({ lead: lead(cell), milliseconds: warmup })
    const samples = []
    for (let round = 0; round < rounds; round += 1) {
      samples.push(describe(await group.sample({ lead: lead(cell), milliseconds })))
    }
    await group.stop()
    return samples
  } finally {
    await group.kill()
  }
}

function describe({ throughput, members, resident, usage }) {
  const operations = members.reduce((sum, member) => sum + member.operations, 0)
  return { rate: throughput, resident, faults: usage.minorFaults / operations }
}

/** About what starting and stopping k members takes, in milliseconds: only the time left is told by it. @param {number} k */
export const startTime = k => 250 + 60 * k

/** And what looking at the lock takes. @param {{ rounds: number, milliseconds: number }} windows */
export const traceTime = ({ rounds, milliseconds }) => 1200 + rounds * milliseconds
