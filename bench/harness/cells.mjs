// What can be measured: a cell is one reader on one file size with k members, under one set of extra variables.

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
  quick: { size: [64 * KiB], k: [1, 8] },
  full: { size: [128, 64 * KiB, MiB, 8 * MiB], k: [1, 4, 8] },
}

/** @type {Mode[]} */
export const modes = ['workers', 'processes']

/**
 * @typedef {'toy' | 'quick' | 'full'} RunSize
 * @typedef {'workers' | 'processes'} Mode
 * @typedef {{ reader: string, size: number, k: number, env?: Record<string, string> }} Cell
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
export function cellKey({ reader, size, k, env = {} }) {
  return JSON.stringify([reader, size, k, Object.entries(env).sort()])
}

/** @param {Cell} cell */
export function cellName({ reader, size, k, env = {} }) {
  const variables = Object.entries(env).map(([name, value]) => `, ${name}=${value}`)
  return `${reader}, ${formatSize(size)}, k=${k}${variables.join('')}`
}

/** @param {number} bytes */
export function formatSize(bytes) {
  const [unit, name] = UNITS.find(([least]) => bytes >= least) ?? [1, 'B']
  return `${Number((bytes / unit).toFixed(1))} ${name}`
}
