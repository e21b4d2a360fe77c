// The tables of the sweep: a row for each tuning, and the one that is picked.
import Table from 'cli-table3'
import { median } from 'simple-statistics'
import { gain, growth, nameOf } from '../experiments/tune-sweep-works.mjs'
import { formatSize, MiB } from '../harness/cells.mjs'
import { brief, formatInterval, PLAIN } from './format.mjs'

const DENSE = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** @param {import('../experiments/index.mjs').Found} found */
export function sweepReport({ failures, first, tunings, second, all, picked }) {
  if (failures.length > 0) return `FAILED: ${failures[0].split('\n', 1)[0]}`
  return [
    'The grid, roughly:',
    sweepTable(first, [{}, ...tunings]),
    'The cheapest of the good ones, the defaults of tune() and what it refuses:',
    sweepTable(second, all),
    `picked: ${JSON.stringify(picked)}, the cheapest in memory with nine tenths of the best gain (${nameOf(picked)})`,
  ].join('\n')
}

/** @param {import('../harness/trials.mjs').Trials} trials @param {import('../experiments/tune-sweep-works.mjs').Tuning[]} tunings */
function sweepTable(trials, tunings) {
  const { works } = trials
  const table = new Table({
    style: PLAIN,
    chars: DENSE,
    head: [
      'tuning',
      'times the default',
      ...works.map(({ id }) => `${formatSize(Number(id))}: reads/s`),
      'MiB more',
      `faults a read (${works.map(({ id }) => formatSize(Number(id))).join(', ')})`,
      'lock writes per 1,000 reads',
    ],
  })
  for (const tuning of tunings) {
    const samples = works.map(({ id }) => trials.samples(id, nameOf(tuning)).flat())
    const locked = samples.map(list => list.filter(({ locks }) => locks))
    table.push([
      nameOf(tuning),
      formatInterval(gain(trials, tuning)),
      ...samples.map(list => brief(middle(list, ({ rate }) => rate))),
      brief(growth(trials, tuning) / MiB),
      samples.map(list => brief(middle(list, ({ faults }) => faults))).join(', '),
      locked.every(list => list.length > 0)
        ? locked.map(list => brief(middle(list, ({ locks }) => 1000 * locks.writes))).join(', ')
        : '-',
    ])
  }
  return table.toString()
}

const middle = (samples, of) => median(samples.map(of))
