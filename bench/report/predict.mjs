// What the calibrated law predicts for 8 threads, from counts of lock writes that any machine can take.
import { mean } from 'simple-statistics'
import { wrap } from '../../dist/lib/cli/output.js'
import { cellName, KiB } from '../harness/cells.mjs'
import { locks, locksOf } from '../harness/ratios.mjs'
import { recordedCells } from '../harness/recorded.mjs'
import { UsageError } from '../harness/requirements.mjs'
import { readEnvironment, readSamples } from '../harness/results.mjs'

/** Throughput of workers over that of processes = FLOOR * e^(-SLOPE * w), with w lock writes in each read of 8 workers. */
const FLOOR = 0.82
const SLOPE = 0.44
/** Of the logarithm, root mean square: how far each published row lies from the law that was fitted to the others. */
const ERROR = 0.12
/** It was fitted to one machine of so many hardware threads, and to files up to this size. */
const CORES = 8
const LARGEST = 64 * KiB
const CLOSE = 1.15

/** Ratios that "Node.js Worker Threads vs Processes" (platformatic) gives for readFileSync of 64 KiB with 8 workers. */
const PUBLISHED = [
  {
    ratio: 0.54,
    of: ({ reader, env, poolSize = 8 * KiB }) => reader === 'readFileSync' && !env && poolSize === 8 * KiB,
  },
  { ratio: 0.7, of: ({ reader, env }) => reader === 'readFileSync' && env?.MALLOC_ARENA_MAX === '1' },
  { ratio: 0.61, of: ({ reader, env }) => reader === 'readFileSync' && env?.MALLOC_ARENA_MAX === '64' },
  { ratio: 0.33, of: ({ reader, env }) => reader === 'readFileSync' && env?.MALLOC_MMAP_THRESHOLD_ === '4096' },
  { ratio: 0.81, of: ({ reader, poolSize }) => reader === 'readFileSync' && poolSize === 256 * KiB },
  { ratio: 0.87, of: ({ reader, poolSize }) => reader === 'readFileSync' && poolSize === 16 * 1024 * KiB },
  { ratio: 0.81, of: ({ reader, env }) => reader === 'readSync' && !env },
]

/** @typedef {{ writes: number, ratio: number }} Row lock writes in each read, and the ratio that was published */

/** @param {number} writes in each read */
export const predicted = (writes, { floor, slope } = { floor: FLOOR, slope: SLOPE }) =>
  floor * Math.exp(-slope * writes)

/** In words, with its error; nothing where the law was not fitted to such a cell. @param {import('../harness/cells.mjs').Cell} cell @param {number} writes in each read */
export function predictionOf({ size, k }, writes) {
  if (size > LARGEST || k !== CORES || !Number.isFinite(writes)) return undefined
  const [low, value, high] = [-ERROR, 0, ERROR].map(error => (predicted(writes) * Math.exp(error)).toFixed(2))
  return `${value} (${low} to ${high})`
}

/** The law fitted to rows: a line through the logarithms. @param {Row[]} rows */
export function fitLaw(rows) {
  const x = mean(rows.map(({ writes }) => writes))
  const y = mean(rows.map(({ ratio }) => Math.log(ratio)))
  const above = rows.reduce((sum, { writes, ratio }) => sum + (writes - x) * (Math.log(ratio) - y), 0)
  const slope = -above / rows.reduce((sum, { writes }) => sum + (writes - x) ** 2, 0)
  return { floor: Math.exp(y + slope * x), slope }
}

/** How far each row lies from what the others predict, as a logarithm; and from their mean alone. @param {Row[]} rows */
export function leaveOneOut(rows) {
  const errors = predict =>
    rows.map((row, out) =>
      Math.log(
        predict(
          rows.filter((_, index) => index !== out),
          row,
        ) / row.ratio,
      ),
    )
  const constant = others => Math.exp(mean(others.map(({ ratio }) => Math.log(ratio))))
  return {
    law: errors((others, { writes }) => predicted(writes, fitLaw(others))),
    constant: errors(constant),
  }
}

/** @param {string[]} words of the command line */
export function predict([folder, ...more]) {
  const [option, cores] = more
  if (folder === undefined || (option !== undefined && option !== '--cores') || more.length > 2)
    throw new UsageError('predict takes a folder of results with counted locks, and --cores N')
  if (option !== undefined && Number(cores) !== CORES)
    throw new UsageError(`the law is fitted to ${CORES} hardware threads, and says nothing of ${cores}`)
  const { node, cpu } = readEnvironment(folder)
  const rows = [...recordedCells(readSamples(folder)).values()]
    .filter(
      ({ traced, size, k, error, hugePages }) =>
        !error && !hugePages && traced.length > 0 && size <= LARGEST && k === CORES,
    )
    .map(cell => ({
      name: cellName(cell),
      writes: locksOf(cell, 'workers', locks.writesPerThousand).value / 1000,
      ratio: cell.size === LARGEST ? PUBLISHED.find(({ of }) => of(cell))?.ratio : undefined,
    }))
  rows.sort((left, right) => left.writes - right.writes)
  if (rows.length === 0) throw new UsageError(`${folder} has no locks counted of 8 workers and files up to 64 KiB`)
  return [
    `workers / processes on ${CORES} hardware threads: ${FLOOR} * e^(-${SLOPE} w), w lock writes in each read`,
    `counts of Node ${node} on ${cpu.cores} cores`,
    '',
    'predicted  published  writes a read',
    ...rows.map(
      ({ name, writes, ratio }) =>
        `${predicted(writes).toFixed(2).padStart(9)}  ${(ratio?.toFixed(2) ?? '-').padStart(9)}  ${writes.toFixed(2).padStart(13)}  ${wrap(name, 37)}`,
    ),
    '',
    ...errorTexts(rows.filter(({ ratio }) => ratio !== undefined)),
    'A calibrated law and not physics: it is confirmed once a machine of 8 hardware threads',
    'has measured the ratio beside its counts.',
  ].join('\n')
}

/** @param {Row[]} rows */
function errorTexts(rows) {
  if (rows.length < 4) return [`${rows.length} of these rows were published: too few for an error`]
  const told = errors => {
    const close = errors.filter(error => Math.abs(error) <= Math.log(CLOSE)).length
    const rms = Math.sqrt(mean(errors.map(error => error ** 2)))
    return `${close} of ${errors.length} within 15 %, rms of the logarithm ${rms.toFixed(2)}`
  }
  const { floor, slope } = fitLaw(rows)
  const { law, constant } = leaveOneOut(rows)
  return [
    `fitted to these rows: ${floor.toFixed(2)} * e^(-${slope.toFixed(2)} w)`,
    `each row left out in turn: ${told(law)}`,
    `a constant instead of the law: ${told(constant)}`,
    `as published, without a fit: ${told(rows.map(({ writes, ratio }) => Math.log(predicted(writes) / ratio)))}`,
  ]
}
