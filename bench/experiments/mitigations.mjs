// What is said to help worker threads, the sources' means and ours: measured side by side in the same run.
import { GRID, KiB } from '../harness/cells.mjs'
import { all, hardwareThreads, nodeFrom } from '../harness/requirements.mjs'
import { tuned } from '../harness/variants.mjs'

/** The size and number of members at which the sources measured. */
export const SIZE = 64 * KiB
export const MEMBERS = 8

/** @param {string} reader @param {Partial<import('../harness/cells.mjs').Cell>} [more] @returns {import('../harness/cells.mjs').Cell} */
export const at = (reader, more) => ({ reader, size: SIZE, k: MEMBERS, ...more })

/** A Buffer.poolSize, left alone where it is this Node's own. @param {number} bytes */
export const pool = bytes => (bytes === Buffer.poolSize ? {} : { poolSize: bytes })

/** Node 20 takes the lock hardly less often with a larger pool: what is said of pools begins with Node 22. */
export const poolNeeds = all(hardwareThreads(8), nodeFrom(22))

/** What the sources held everything against. */
export const OLD_POOL = 8 * KiB
export const plain = more => at('readFileSync', { ...pool(OLD_POOL), ...more })

export const TUNED = tuned()

/** Ours, beside the mitigation that an experiment is about. @param {Partial<import('../harness/cells.mjs').Cell>} [more] */
export const ours = more => [at('readInto', more), at('view', more), plain({ ...TUNED, ...more })]

/** A toy has no contention, and checks the answers alone. @param {import('../harness/cells.mjs').RunSize} size @param {import('../harness/cells.mjs').Cell[]} cells */
export const orToy = (size, cells) => (size === 'toy' ? cells.map(cell => ({ ...cell, size: 512, k: 2 })) : cells)

/** Of these cells, one each that has so many members. @param {import('../harness/cells.mjs').Cell[]} cells @param {number[]} members */
export const withMembers = (cells, members) => members.flatMap(k => cells.map(cell => ({ ...cell, k })))

/** As the sizes of a run have it: a full one has every number of members. @param {import('../harness/cells.mjs').RunSize} size @param {import('../harness/cells.mjs').Cell[]} cells */
export const sized = (size, cells) => (size === 'full' ? withMembers(cells, GRID.full.k) : orToy(size, cells))
