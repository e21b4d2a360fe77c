// What can be measured: a cell is one reader on one file size with k members, in surroundings that may differ.

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB

const UNITS = [
  [1024 * GiB, 'TiB'],
  [GiB, 'GiB'],
  [MiB, 'MiB'],
  [KiB, 'KiB'],
]

/** The file sizes and numbers of members of each size of run. */
export const GRID = {
  toy: { size: [128], k: [2] },
  quick: { size: [64 * KiB], k: [8] },
  full: { size: [128, 64 * KiB, MiB, 8 * MiB], k: [1, 4, 8] },
}

/** Those at which variants of malloc are compared. */
export const FEW = {
  toy: GRID.toy,
  quick: { size: [64 * KiB], k: [8] },
  full: { size: [64 * KiB, 8 * MiB], k: [1, 4, 8] },
}

/** @type {Mode[]} */
export const modes = ['workers', 'processes']

/**
 * `env` holds variables that members are started with, which `variant` gives a name; `poolSize` is their Buffer.poolSize,
 * and `hugePages` the mode of the kernel while they live. A `twin` is measured beside what it does not differ from.
 * @typedef {'toy' | 'quick' | 'full'} RunSize
 * @typedef {'workers' | 'processes'} Mode
 * @typedef {{
 *   reader: string, size: number, k: number, variant?: string, env?: Record<string, string>, poolSize?: number,
 *   hugePages?: import('./huge-pages.mjs').HugePages, twin?: boolean
 * }} Cell
 */

/**
 * Every combination of the lists given.
 * @param {{ reader: string[], size: number[], k: number[] }} lists
 * @returns {Cell[]}
 */
export function cross({ reader, size, k }) {
  return size.flatMap(bytes => k.flatMap(members => reader.map(name => ({ reader: name, size: bytes, k: members }))))
}

/** Two experiments that ask for a cell of the same key share one measurement. @param {Cell} cell */
export function cellKey({ reader, size, k, env = {}, poolSize, hugePages, twin }) {
  return JSON.stringify([reader, size, k, Object.entries(env).sort(), poolSize, hugePages, twin])
}

/** What tells one cell from another. @param {Cell} cell @returns {Cell} */
export function identity({ reader, size, k, variant, env, poolSize, hugePages, twin }) {
  return { reader, size, k, variant, env, poolSize, hugePages, twin }
}

/** @param {Cell} cell */
export function cellName(cell) {
  return [cell.reader, formatSize(cell.size), `k=${cell.k}`, ...surroundings(cell)].join(', ')
}

/** What differs from a plain start. @param {Cell} cell */
export function surroundings({ variant, env = {}, poolSize, hugePages, twin }) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return [
    ...(variant ? [variant] : variables),
    ...(poolSize ? [`Buffer.poolSize ${formatSize(poolSize)}`] : []),
    ...(hugePages ? [`THP ${hugePages}`] : []),
    ...(twin ? ['once more'] : []),
  ]
}

/** Cells under each of several variants. @param {Cell[]} cells @param {import('./variants.mjs').Variant[]} variants @returns {Cell[]} */
export const under = (cells, variants) => variants.flatMap(variant => cells.map(cell => ({ ...cell, ...variant })))

/** @param {number} bytes */
export function formatSize(bytes) {
  const [unit, name] = UNITS.find(([least]) => bytes >= least) ?? [1, 'B']
  return `${Number((bytes / unit).toFixed(1))} ${name}`
}
