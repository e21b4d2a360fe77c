// The picture of how late the event loop's timers are while files are read cold, naively mapped and with ours.
import { LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { formatSize } from '../harness/cells.mjs'
import { readSamples } from '../harness/results.mjs'
import { BUCKET } from '../programs/delay.mjs'

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

const WIDTH = 860
const HEIGHT = 340
/** Read on white as on black: GitHub shows the picture on either. */
const GREY = '#8b949e'
const CURVES = [
  { way: 'mmap async', name: 'indexing a mapped Buffer', color: '#e5534b' },
  { way: 'chunks', name: 'faultless chunks', color: '#2da44e' },
]

/** As SVG. @param {string} folder of results, with the experiment `cache` */
export function eventLoopPicture(folder) {
  return draw(CURVES.map(curve => ({ ...curve, ...medianRun(folder, curve.way) })))
}

/** The run of a way that took the median time. @param {string} folder @param {string} way */
function medianRun(folder, way) {
  const runs = readSamples(folder)
    .filter(sample => sample.experiment === 'cache' && sample.work === 'cold' && sample.way === way && sample.course)
    .sort((a, b) => a.milliseconds - b.milliseconds)
  if (runs.length === 0) throw new Error(`${folder} has no cold run of ${way}: run the experiment cache`)
  return runs[Math.floor(runs.length / 2)]
}

function draw(curves) {
  const [{ rate, milliseconds }] = curves
  const bytes = Math.round((rate * milliseconds) / 1000)
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  chart.setOption({
    animation: false,
    backgroundColor: 'transparent',
    textStyle: { color: GREY },
    title: {
      text: `How late timers are while ${formatSize(bytes)} are read from the disk`,
      left: 'center',
      textStyle: { fontSize: 15, color: GREY },
    },
    // One below the other: the renderer guesses how wide letters are.
    legend: { bottom: 0, orient: 'vertical', textStyle: { color: GREY } },
    grid: { left: 65, right: 25, top: 45, bottom: 95 },
    xAxis: { ...axis('seconds', 28), splitLine: { show: false } },
    yAxis: axis('milliseconds late', 40),
    series: curves.map(({ name, color, course, milliseconds, delay }) => ({
      type: 'line',
      name: `${name}: ${(milliseconds / 1000).toFixed(1)} s, 99 of 100 timers within ${delay.p99.toFixed(1)} ms`,
      color,
      showSymbol: false,
      lineStyle: { width: 1.5 },
      areaStyle: { opacity: 0.25 },
      data: course.map((late, bucket) => [(bucket * BUCKET) / 1000, late]),
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

function axis(name, nameGap) {
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameGap,
    nameTextStyle: { color: GREY },
    axisLabel: { color: GREY },
    axisLine: { show: true, lineStyle: { color: GREY } },
    splitLine: { lineStyle: { color: GREY, opacity: 0.25 } },
  }
}
