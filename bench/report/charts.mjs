// Charts as SVG that is drawn here and coloured by the page they are in: dark or light, and once more for narrow screens.
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, MarkLineComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'

use([BarChart, LineChart, GridComponent, MarkLineComponent, SVGRenderer])

/** Drawn in place of colours of the page, which take the places of these afterwards. */
const INK = { text: '#010203', line: '#010204', grid: '#010205' }
const SERIES = Array.from({ length: 8 }, (_, index) => `#0102${(16 + index).toString(16)}`)
/** The width of a letter of a label, in pixels, and of a wide one. */
const LETTER = 6.6
const CAPITAL = 8.2
const SIZES = { wide: { width: 760, height: 400 }, narrow: { width: 340, height: 340 } }

/**
 * `points` has a value for each of `categories`, or null. Series of the same `hue` have the same colour.
 * @typedef {{ name: string, points: (number | null)[], hue: number, dashed?: boolean }} Series
 * @typedef {{
 *   kind: 'line' | 'bar' | 'bars', categories: string[], series: Series[], category: string, value: string,
 *   logarithmic?: boolean, mark?: number
 * }} Chart `bars` lie, so that there is room for long names
 */

/** The chart for wide and for narrow screens. Legends are left to the page, which knows its letters. @param {Chart} chart */
export function drawChart(chart) {
  return Object.fromEntries(Object.entries(SIZES).map(([name, size]) => [name, draw(chart, size, name === 'narrow')]))
}

/** What the page calls the colour of a series. @param {number} hue */
export const colourOf = hue => `var(--series-${hue % SERIES.length})`

/** @param {Chart} chart */
function draw(chart, { width, height }, narrow) {
  const lying = chart.kind === 'bars'
  const names = chart.categories.map(text => wrapped(text, narrow ? 17 : 44))
  const longest = Math.max(...names.flatMap(name => name.split('\n')).map(widthOf))
  const tall = lying ? 60 + chart.categories.length * (narrow ? 52 : 34) : height
  const picture = init(null, null, { renderer: 'svg', ssr: true, width, height: tall })
  picture.setOption({
    animation: false,
    color: SERIES,
    textStyle: { fontFamily: 'inherit', color: INK.text },
    // Without a screen nobody knows how wide letters are: there is room for wide ones.
    grid: lying
      ? { left: 12 + longest, right: 24, top: 8, bottom: 44, outerBoundsMode: 'none' }
      : { left: 52, right: narrow ? 16 : 24, top: 30, bottom: 60, outerBoundsMode: 'none' },
    ...axes({ ...chart, categories: lying ? names : chart.categories }, narrow),
    series: chart.series.map((series, index) => drawSeries(chart, series, index)),
  })
  const svg = picture.renderToSVGString({ useViewBox: true })
  picture.dispose()
  return coloured(svg)
}

function axes({ kind, categories, category, value, logarithmic }, narrow) {
  const lines = { axisLine: { lineStyle: { color: INK.line } }, axisTick: { lineStyle: { color: INK.line } } }
  const label = { color: INK.text, fontSize: 11 }
  const name = { nameTextStyle: { color: INK.text, fontSize: 11 } }
  const lying = kind === 'bars'
  const categoryAxis = {
    type: 'category',
    data: categories,
    inverse: lying,
    ...lines,
    axisLabel: { ...label, rotate: !lying && categories.length > (narrow ? 5 : 12) ? 45 : 0, hideOverlap: !lying },
    ...(lying ? {} : { name: category, nameLocation: 'middle', nameGap: categories.length > 5 ? 40 : 26, ...name }),
  }
  const valueAxis = {
    type: logarithmic ? 'log' : 'value',
    // A bar of one is not nothing.
    ...(logarithmic && kind === 'bar' ? { min: 0.5 } : {}),
    name: value,
    ...(lying ? { nameLocation: 'middle', nameGap: 26 } : { nameLocation: 'end', nameTextStyle: { align: 'left' } }),
    ...lines,
    splitNumber: narrow ? 3 : 5,
    axisLabel: { ...label, hideOverlap: true, formatter: short },
    splitLine: { lineStyle: { color: INK.grid } },
  }
  valueAxis.nameTextStyle = { ...valueAxis.nameTextStyle, ...name.nameTextStyle }
  return lying ? { xAxis: valueAxis, yAxis: categoryAxis } : { xAxis: categoryAxis, yAxis: valueAxis }
}

function drawSeries({ kind, mark }, { name, points, hue, dashed }, index) {
  const colour = SERIES[hue % SERIES.length]
  const marked = index === 0 && mark !== undefined
  return {
    name,
    type: kind === 'line' ? 'line' : 'bar',
    data: points,
    itemStyle: { color: colour, opacity: dashed && kind !== 'line' ? 0.55 : 1 },
    ...(kind === 'line'
      ? {
          lineStyle: { color: colour, type: dashed ? 'dashed' : 'solid', width: 2 },
          // Not every series has been measured everywhere.
          connectNulls: true,
          symbol: dashed ? 'emptyCircle' : 'circle',
        }
      : {}),
    ...(marked
      ? {
          markLine: {
            symbol: 'none',
            silent: true,
            label: { show: false },
            lineStyle: { color: INK.line, type: 'dotted' },
            data: [{ yAxis: mark }],
          },
        }
      : {}),
  }
}

const short = value => (value === 0.5 ? '' : shortened(value))

const shortened = value =>
  value >= 1e6 ? `${value / 1e6}M` : value >= 1e3 ? `${value / 1e3}k` : String(Number(value.toPrecision(3)))

/** @param {string} line */
const widthOf = line => [...line].reduce((sum, letter) => sum + (/[A-Z_=]/.test(letter) ? CAPITAL : LETTER), 0)

/** Lines of at most so many letters, cut between words, or within the name of a variable. @param {string} text @param {number} most */
function wrapped(text, most) {
  const lines = ['']
  for (const piece of text.split(/(?<=[ _])/)) {
    const line = lines.at(-1)
    if (line !== '' && `${line}${piece}`.trimEnd().length > most) lines.push(piece)
    else lines[lines.length - 1] = `${line}${piece}`
  }
  return lines.map(line => line.trimEnd()).join('\n')
}

/** @param {string} svg */
function coloured(svg) {
  const names = [...Object.entries(INK), ...SERIES.map((colour, index) => [`series-${index}`, colour])]
  return names.reduce((text, [name, colour]) => text.replaceAll(colour, `var(--${name})`), svg)
}
