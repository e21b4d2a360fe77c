// What programs hold in memory under each malloc: a table for each figure, and a picture of gain against memory.
import Table from 'cli-table3'
import { ScatterChart } from 'echarts/charts'
import { GridComponent, MarkLineComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { geometricMean, mean, median } from 'simple-statistics'
import { MiB } from '../harness/cells.mjs'
import { formatCount, PLAIN } from './format.mjs'
import { reasonAgainst } from './trials.mjs'

use([ScatterChart, GridComponent, MarkLineComponent, TitleComponent, SVGRenderer])

const DENSE = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }
const WIDTH = 860
const HEIGHT = 420
/** Read on white as on black: GitHub shows the picture on either. */
const GREY = '#8b949e'

/** @typedef {import('../harness/trials.mjs').Trials} Trials */

/** Programs down, ways across. @param {Trials} trials */
export function retentionTables(trials) {
  const works = trials.works.filter(({ ways }) => ways.length > 1)
  const programs = works.filter(({ id }) => !id.startsWith('locks'))
  const tableOf = (title, rows, write) => {
    const table = new Table({ style: PLAIN, chars: DENSE, head: [title, ...rows[0].ways.map(({ id }) => id)] })
    for (const work of rows) table.push([work.title, ...work.ways.map(way => cell(work, way, write))])
    return table.toString()
  }
  const cell = (work, way, write) =>
    reasonAgainst(trials, work.id, way.id) ? '-' : write(middle(trials, work.id, way.id))
  const inMiB = of => sample => Math.round(sample(of) / MiB)
  const stall = trials.works.find(({ id }) => id === 'trimmed')
  const locks = works.filter(work => !programs.includes(work))
  const ways = programs[0].ways.map(({ id, label }) => `${id}: ${label}`)
  const refused = trials.all.flatMap(({ work, id, name }) => {
    const reason = reasonAgainst(trials, work, id)
    return reason ? [`${name}: ${reason}`] : []
  })
  return [
    ways.join('\n'),
    tableOf(
      'MiB at the peak',
      programs,
      inMiB(sample => sample.peak),
    ),
    tableOf(
      'MiB after a pause of 5 s',
      programs,
      inMiB(sample => sample.idle),
    ),
    tableOf('done a second', programs, sample => formatCount(sample(({ rate }) => rate))),
    ...(locks.length > 0
      ? [
          tableOf('mmap_lock taken for writing', locks, sample => formatCount(sample(({ writes }) => writes))),
          tableOf('page faults', locks, sample => formatCount(sample(({ faults }) => faults))),
        ]
      : []),
    ...(reasonAgainst(trials, stall.id, 'plain')
      ? []
      : [
          `${stall.title}, ms: ${['p50', 'p99', 'longest'].map(at => `${at} ${middle(trials, stall.id, 'plain')(({ wait }) => wait[at]).toFixed(3)}`).join(', ')}`,
        ]),
    ...refused,
  ].join('\n')
}

/** The median of a figure of a way at a work. @param {Trials} trials */
const middle = (trials, work, way) => of => median(trials.samples(work, way).flat().map(of))

/** Every way is a point: how much faster reads are, and how much more programs hold when they idle. @param {Trials} trials */
export function retentionPicture(trials) {
  const programs = trials.works.filter(({ ways, id }) => ways.length > 1 && !id.startsWith('locks'))
  const has = (work, way) => !reasonAgainst(trials, work, way)
  const points = programs[0].ways.flatMap(({ id, label }) => {
    const works = programs.filter(work => has(work.id, id) && has(work.id, 'plain'))
    const reads = works.filter(work => work.id.startsWith('reads'))
    if (reads.length === 0) return []
    const rate = work =>
      middle(trials, work.id, id)(sample => sample.rate) / middle(trials, work.id, 'plain')(sample => sample.rate)
    const held = way => works.map(work => middle(trials, work.id, way)(sample => sample.idle) / MiB)
    return [{ name: label, value: [mean(held(id)), geometricMean(reads.map(rate))] }]
  })
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  chart.setOption({
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { color: GREY },
    title: { text: 'Gain against memory', left: 'center', textStyle: { fontSize: 15, color: GREY } },
    grid: { left: 65, right: 40, top: 45, bottom: 60 },
    xAxis: axis(`MiB that the programs hold 5 s after they have ended their work, mean of ${programs.length}`, 30),
    yAxis: axis('reads a second by 4 workers, times those of glibc as it is', 40),
    series: [
      {
        type: 'scatter',
        symbolSize: 12,
        data: points.map(({ name, value }) => ({
          name,
          value,
          itemStyle: { color: name.includes('tune') ? '#2da44e' : '#e5534b' },
          label: {
            show: true,
            formatter: '{b}',
            position: value[0] > mean(points.map(point => point.value[0])) ? 'left' : 'right',
            color: GREY,
          },
        })),
        markLine: {
          symbol: 'none',
          silent: true,
          label: { show: false },
          lineStyle: { color: GREY, type: 'dotted' },
          data: [{ yAxis: 1 }],
        },
      },
    ],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

function axis(name, nameGap) {
  return {
    type: 'value',
    min: 0,
    name,
    nameLocation: 'middle',
    nameGap,
    nameTextStyle: { color: GREY },
    axisLabel: { color: GREY },
    axisLine: { show: true, lineStyle: { color: GREY } },
    splitLine: { lineStyle: { color: GREY, opacity: 0.25 } },
  }
}
