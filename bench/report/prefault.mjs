// What each way to prefault came to.
import Table from 'cli-table3'
import { median } from 'simple-statistics'
import { formatCount, PLAIN } from './format.mjs'
import { reasonAgainst } from './trials.mjs'

const DENSE = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
const PAGE = 4096

/** @param {import('../harness/trials.mjs').Trials} trials */
export function prefaultTables(trials) {
  const timed = ['whole', 'scattered', 'read-ahead'].map(id => timeTable(trials, id))
  return [...timed, afterwards(trials)].join('\n')
}

function timeTable(trials, id) {
  const work = trials.works.find(one => one.id === id)
  const table = new Table({
    style: PLAIN,
    chars: DENSE,
    head: [
      work.title,
      'ready ms',
      'first byte ms',
      'all read ms',
      'in memory when ready',
      "executor's major faults",
      'its timers late, max ms',
      "reader's faults, major + minor",
      'disk bytes / asked',
    ],
    colWidths: [46, 10, 12, 10, 11, 13, 13, 16, 12],
    wordWrap: true,
  })
  for (const { id: way, label } of work.ways) {
    const refused = reasonAgainst(trials, id, way)
    if (refused) {
      table.push([label, { colSpan: 8, content: refused }])
      continue
    }
    const samples = trials.samples(id, way).flat()
    const middle = of => median(samples.map(of))
    table.push([
      label,
      middle(sample => sample.ready).toFixed(1),
      middle(sample => sample.firstByte).toFixed(1),
      middle(sample => sample.milliseconds).toFixed(1),
      `${(100 * middle(sample => sample.resident / sample.pages)).toFixed(0)} %`,
      formatCount(middle(sample => sample.executor.majorFaults)),
      middle(sample => sample.delay.max).toFixed(1),
      `${middle(sample => sample.reader.majorFaults)} + ${middle(sample => sample.reader.minorFaults)}`,
      middle(sample => sample.diskBytes / (sample.pages * PAGE)).toFixed(2),
    ])
  }
  return table.toString()
}

/** What cannot be seen in times: the lock, and a disk that fails. */
function afterwards(trials) {
  const table = new Table({
    style: PLAIN,
    chars: DENSE,
    head: [
      'mmap_lock, prefaulting and reading, and a disk that fails',
      'taken to write',
      'to read',
      'where the disk fails',
    ],
    colWidths: [66],
    wordWrap: true,
  })
  for (const { id, label } of trials.works.find(work => work.id === 'whole').ways) {
    const shown = (work, of) => {
      if (!trials.find(work, id)) return '-'
      return reasonAgainst(trials, work, id) ?? of(trials.samples(work, id)[0][0])
    }
    table.push([
      label,
      shown('locks', ({ writes }) => writes),
      shown('locks', ({ reads }) => reads),
      shown('failing', ({ outcome }) => outcome),
    ])
  }
  return table.toString()
}
