// What was counted of mmap_lock, beside the throughput with and without the tracer, which slows readers.
import { formatSize, modes, surroundings } from '../harness/cells.mjs'
import { locks, locksOf, ratio, throughput } from '../harness/ratios.mjs'
import { brief, formatCount, formatInterval, orDash } from './format.mjs'

const HEAD = [
  'reader',
  'file, k',
  'reads/s, workers / processes',
  'the same, traced',
  'ratio',
  'lock for writing, for 1,000 reads',
  'mean wait for writing, µs',
  'wait in each read, µs',
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
  const pair = (of, format) => modes.map(mode => orDash(() => format(of(mode)))).join(' / ')
  const count = ({ value }) => formatCount(value)
  const micros = ({ value }) => brief(value / 1000)
  return [
    [cell.reader, ...surroundings(cell)].join(', '),
    `${formatSize(cell.size)}, ${cell.k}`,
    pair(mode => throughput(cell, 'first', mode), count),
    pair(mode => locksOf(cell, mode, sample => sample.throughput), count),
    orDash(() => formatInterval(ratio(cell, 'first'))),
    pair(mode => locksOf(cell, mode, locks.writesPerThousand), count),
    pair(mode => locksOf(cell, mode, locks.writeWait), micros),
    pair(mode => locksOf(cell, mode, locks.waitPerRead), micros),
  ]
}
