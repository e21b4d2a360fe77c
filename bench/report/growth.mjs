// How cost grows with the work: a table and a picture for each thing that grows.
import Table from 'cli-table3'
import { LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { median } from 'simple-statistics'
import { formatSize } from '../harness/cells.mjs'
import { formatCount, PLAIN } from './format.mjs'
import { reasonAgainst } from './trials.mjs'

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

/** What grows, and how its values are written. */
const CURVES = [
  {
    over: 'in-flight',
    title: 'Time per read of 4 KiB, warm, against reads in flight',
    axis: 'reads in flight',
    write: String,
  },
  { over: 'request', title: 'Time per read, warm, against its size', axis: 'bytes per read', write: formatSize },
  {
    over: 'summed',
    title: 'Time per read and the sum of its bytes, warm, against its size',
    axis: 'bytes per read',
    write: formatSize,
  },
  {
    over: 'file',
    title: 'Time per read of 4 KiB, warm, against the size of the file',
    axis: 'bytes of the file',
    write: formatSize,
  },
]
const WIDTH = 760
const HEIGHT = 460

/** @typedef {import('../harness/trials.mjs').Trials} Trials */

/** @param {Trials} trials */
export function growthTables(trials) {
  return CURVES.map(({ over, title, axis, write }) => {
    const works = worksOver(trials, over)
    const table = new Table({ style: PLAIN, head: [axis, ...works[0].ways.map(({ label }) => `${label}, µs`)] })
    for (const work of works) {
      const times = work.ways.map(
        ({ id }) => reasonAgainst(trials, work.id, id) ?? formatCount(timeOf(trials, work, id)),
      )
      table.push([write(work.growth.x), ...times])
    }
    return `${title}\n${table}`
  })
}

/** Pictures in SVG, each with the name of its file. @param {Trials} trials */
export function growthPictures(trials) {
  return CURVES.map(curve => ({ name: `growth-${curve.over}.svg`, picture: draw(trials, curve) }))
}

/** @param {Trials} trials @param {(typeof CURVES)[number]} curve */
function draw(trials, { over, title, axis, write }) {
  const works = worksOver(trials, over)
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
    legend: { bottom: 0 },
    grid: { left: 70, right: 30, top: 50, bottom: 80 },
    xAxis: {
      type: 'category',
      name: axis,
      nameLocation: 'middle',
      nameGap: 30,
      boundaryGap: false,
      data: works.map(({ growth }) => write(growth.x)),
    },
    yAxis: { type: 'log', name: 'µs per read', nameLocation: 'middle', nameGap: 45 },
    series: works[0].ways.map(({ id, label }) => ({
      type: 'line',
      name: label,
      data: works.map(work => (reasonAgainst(trials, work.id, id) ? null : timeOf(trials, work, id))),
    })),
  })
  const picture = chart.renderToSVGString()
  chart.dispose()
  return picture
}

/** @param {Trials} trials @param {string} over */
const worksOver = (trials, over) => trials.works.filter(({ growth }) => growth?.over === over)

/** @param {Trials} trials @param {import('../harness/trials.mjs').Work} work @param {string} way */
const timeOf = (trials, work, way) => median(trials.samples(work.id, way).flat().map(work.value))
