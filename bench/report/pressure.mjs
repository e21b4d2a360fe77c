// What is left of each way to read when memory is short.
import Table from 'cli-table3'
import { median } from 'simple-statistics'
import { formatCount, PLAIN } from './format.mjs'
import { reasonAgainst } from './trials.mjs'

const DENSE = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/** A column for each limit. @param {import('../harness/trials.mjs').Trials} trials */
export function pressureTables(trials) {
  const works = limited(trials)
  const middle = (work, way, of) => median(trials.samples(work.id, way.id).flat().map(of))
  const tableOf = (title, write) => {
    const heads = works.map(({ ratio }) => `room for ${ratio} of it`)
    const table = new Table({ style: PLAIN, chars: DENSE, head: [title, ...heads] })
    for (const way of works[0].ways) {
      table.push([way.label, ...works.map(work => reasonAgainst(trials, work.id, way.id) ?? write(work, way))])
    }
    return table.toString()
  }
  return [
    tableOf('reads of 16 KiB a second', (work, way) => formatCount(middle(work, way, ({ rate }) => rate))),
    tableOf('major faults per 1,000 reads', (work, way) =>
      formatCount(middle(work, way, ({ majorFaults, reads }) => (1000 * majorFaults) / reads)),
    ),
    tableOf('timers late, ms: p99', (work, way) =>
      way.native ? '' : middle(work, way, ({ delay }) => delay.p99).toFixed(1),
    ),
    line(trials),
  ].join('\n')
}

/** The works that differ in how much there is room for. @param {import('../harness/trials.mjs').Trials} trials */
const limited = trials => trials.works.filter(({ ratio }) => ratio !== undefined)

/** Between which limits a mapping goes from winning to losing. */
function line(trials) {
  const won = limited(trials).map(({ id, ratio }) => {
    if (['native mmap', 'native read'].some(way => reasonAgainst(trials, id, way))) return undefined
    const rate = way =>
      median(
        trials
          .samples(id, way)
          .flat()
          .map(sample => sample.rate),
      )
    return { ratio, times: rate('native mmap') / rate('native read') }
  })
  const shown = won.filter(Boolean).map(({ ratio, times }) => `${times.toFixed(2)} at ${ratio}`)
  return `A mapping in times of pread (Rust, 1 thread), by how much of the file there is room for: ${shown.join(', ')}`
}
