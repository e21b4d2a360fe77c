// What summing up files came to: a table for each work, and a picture with a dot for each iteration.
import Table from 'cli-table3'
import { ScatterChart } from 'echarts/charts'
import { GridComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { median, min } from 'simple-statistics'
import { MiB } from '../harness/cells.mjs'
import { estimate } from '../harness/statistics.mjs'
import { formatCount, formatInterval, PLAIN } from './format.mjs'
import { reasonAgainst } from './trials.mjs'

use([ScatterChart, GridComponent, TitleComponent, SVGRenderer])

const DENSE = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
const WIDTH = 900
const ROW = 22

/** @typedef {import('../harness/trials.mjs').Trials} Trials */

/** @param {Trials} trials */
export const cacheTables = trials => trials.works.map(work => cacheTable(trials, work)).join('\n')

/** @param {Trials} trials @param {import('../harness/trials.mjs').Work} work */
function cacheTable(trials, work) {
  const limited = work.ways.some(({ id }) => id === 'fio') && !reasonAgainst(trials, work.id, 'fio')
  const limit = limited ? median(flat(trials, work.id, 'fio').map(({ rate }) => rate)) : undefined
  const table = new Table({
    style: PLAIN,
    chars: DENSE,
    head: ['way', 'min s', 'median s', 'MiB/s', 'of fio', 'CPU s', 'major faults', 'timers late, ms: p50 p99 max'],
    colWidths: [56],
    wordWrap: true,
  })
  for (const { id, label } of work.ways.filter(way => way.id !== 'idle' || work.id === 'cold')) {
    const refused = reasonAgainst(trials, work.id, id)
    if (refused) {
      table.push([label, { colSpan: 7, content: refused }])
      continue
    }
    const samples = flat(trials, work.id, id)
    const middle = of => median(samples.map(of))
    const seconds = trials.samples(work.id, id).map(rounds => rounds.map(({ milliseconds }) => milliseconds / 1000))
    const rate = middle(sample => sample.rate)
    const { delay, userMs, majorFaults } = samples[0]
    const counts = value => typeof value === 'number'
    table.push([
      label,
      min(seconds.flat()).toFixed(3),
      formatInterval(estimate(seconds), value => value.toFixed(3)),
      id === 'idle' ? '' : Math.round(rate / MiB),
      limit === undefined || id === 'idle' ? '' : (rate / limit).toFixed(2),
      counts(userMs) ? middle(sample => (sample.userMs + sample.systemMs) / 1000).toFixed(2) : '',
      counts(majorFaults) ? formatCount(middle(sample => sample.majorFaults)) : '',
      delay ? ['p50', 'p99', 'max'].map(of => middle(sample => sample.delay[of]).toFixed(1)).join('  ') : '',
    ])
  }
  return `${work.title}\n${table}`
}

/** A dot for each iteration of each way, cold above warm. @param {Trials} trials */
export function cachePicture(trials) {
  const rows = trials.works.flatMap(work =>
    work.ways
      .filter(({ id }) => id !== 'idle' && id !== 'fio' && !reasonAgainst(trials, work.id, id))
      .map(way => ({ name: `${work.id}  ${way.label}`, samples: flat(trials, work.id, way.id) })),
  )
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: 110 + ROW * rows.length })
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: { text: 'A dot for each iteration', left: 'center', textStyle: { fontSize: 15 } },
    grid: { left: 430, right: 30, top: 40, bottom: 55 },
    xAxis: { type: 'log', name: 'seconds', nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'category', inverse: true, data: rows.map(({ name }) => name), axisLabel: { fontSize: 11 } },
    series: [
      {
        type: 'scatter',
        symbolSize: 5,
        itemStyle: { opacity: 0.5 },
        data: rows.flatMap(({ samples }, row) => samples.map(({ milliseconds }) => [milliseconds / 1000, row])),
      },
    ],
  })
  const picture = chart.renderToSVGString()
  chart.dispose()
  return picture
}

/** @param {Trials} trials @param {string} work @param {string} way */
const flat = (trials, work, way) => trials.samples(work, way).flat()
