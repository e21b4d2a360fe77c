// Throughput and what was counted of mmap_lock side by side, and how much of the gap the waits explain.
import { formatSize, modes, surroundings } from '../harness/cells.mjs'
import { locks, locksOf, ratio, throughput, waitShare } from '../harness/ratios.mjs'
import { formatCount, formatInterval } from './format.mjs'

const HEAD = [
  'reader',
  'file, members',
  'reads/s, workers / processes',
  'ratio',
  'lock for writing, for 1,000 reads',
  'mean wait for writing, µs',
  'wait in each read, µs',
  'of the gap, explained by waits',
]

/** @param {import('../harness/run.mjs').Measured[]} cells */
export function lockTable(cells) {
  const traced = cells.filter(({ error, traced }) => !error && traced.length > 0)
  const sorted = traced.sort((a, b) => a.size - b.size || a.k - b.k || a.name.localeCompare(b.name))
  return { head: HEAD, rows: sorted.map(row) }
}

/** The longest wait of any, and what the traces have lost or left out. @param {import('../harness/run.mjs').Measured[]} cells */
export function lockNotes(cells) {
  const samples = cells.flatMap(({ traced }) => traced.flat()).flatMap(pair => modes.map(mode => pair[mode]))
  if (samples.length === 0) {
    const [reason] = cells.flatMap(({ untraced }) => untraced ?? [])
    return reason ? [`locks: ${reason}`] : []
  }
  // Both modes of a pair come from one trace.
  const sum = of => samples.reduce((total, sample) => total + of(sample), 0) / modes.length
  const counts = [
    `${sum(({ leftOut }) => leftOut)} acquisitions of other processes were left out`,
    `${sum(({ lost }) => lost)} were lost`,
    `${sum(({ unmatched }) => unmatched)} had begun before the trace`,
  ]
  return [`locks: in ${samples.length / modes.length} traces ${counts.join(', ')}`]
}

function row(cell) {
  const pair = (of, format) => modes.map(mode => format(of(mode))).join(' / ')
  const count = ({ value }) => formatCount(value)
  const micros = ({ value }) => (value / 1000).toPrecision(3)
  return [
    [cell.reader, ...surroundings(cell)].join(', '),
    `${formatSize(cell.size)}, ${cell.k}`,
    pair(mode => throughput(cell, 'first', mode), count),
    formatInterval(ratio(cell, 'first')),
    pair(mode => locksOf(cell, mode, locks.writesPerThousand), count),
    pair(mode => locksOf(cell, mode, locks.writeWait), micros),
    pair(mode => locksOf(cell, mode, locks.waitPerRead), micros),
    shareText(cell),
  ]
}

function shareText(cell) {
  try {
    return formatInterval(waitShare(cell))
  } catch (error) {
    if (error.code !== 'ERR_UNDECIDED') throw error
    return 'no gap'
  }
}
