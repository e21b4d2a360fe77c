// The end of a run, on one screen: how quiet it was, each source's claims, the lock, what to do, and what differs elsewhere.
import { max, median } from 'simple-statistics'
import { width, wrap } from '../../dist/lib/cli/output.js'
import { experiments } from '../experiments/index.mjs'
import { MEMBERS, SIZE, TUNED } from '../experiments/mitigations.mjs'
import { formatSize, modes } from '../harness/cells.mjs'
import { loadText } from '../harness/other-load.mjs'
import { locks, locksOf, pairsOf, throughput } from '../harness/ratios.mjs'
import { LEAST_PASSES } from '../harness/statistics.mjs'
import { NEEDS } from '../harness/verdict.mjs'
import { brief, formatInterval, orDash } from './format.mjs'
import { machine } from './markdown.mjs'
import { cellWarnings } from './outliers.mjs'
import { predictionOf } from './predict.mjs'

/** @typedef {import('./html.mjs').Run} Run */

/** A run may be read where the terminal is another one. */
const COLUMNS = 80

/** @param {Run} run */
export const screenOf = (run, columns = COLUMNS) =>
  [
    wrap(run.environment.command, 2, columns),
    wrap(machine(run.environment), 2, columns),
    '',
    resultsOf(run, columns),
  ].join('\n')

/** As wide as the terminal. @param {Run} run */
export const terminalScreen = run => screenOf(run, width())

/** The same without the command and the machine: claims of several runs have several. @param {Pick<Run, 'rows' | 'cells' | 'control' | 'load'>} run */
export const resultsOf = (run, columns = COLUMNS) =>
  [quiet(run), sources(run.rows, columns), lockWrites(run.cells, columns), advice(run.rows), elsewhere(run.rows)]
    .filter(lines => lines.length > 0)
    .map(lines =>
      lines.map(([start, text]) => `${start}${wrap(text, start.length || 2, columns)}`.trimEnd()).join('\n'),
    )
    .join('\n\n')

/** Of a line: its start, below which the text goes on where it is wrapped. @typedef {[start: string, text: string]} Line */

/** @param {Partial<Pick<Run, 'environment'>> & Pick<Run, 'cells' | 'control' | 'load'>} run @returns {Line[]} */
function quiet({ environment, cells, control, load }) {
  const around = ({ low, high }) => low <= 1 && (high === null || high >= 1)
  const differing = control.comparisons.filter(({ interval }) => !around(interval))
  const named = differing.map(({ name, phase, interval }) => `${phase} reads, ${name}: ${formatInterval(interval)}`)
  const all = control.comparisons.length
  const found = [`${all - named.length} of ${all} comparisons contain 1`, ...named].join('; ')
  return [
    ['', loadText(load)],
    ...(all > 0 ? [['', `A/A control: ${found}`]] : []),
    ...slowness(cells),
    ...(environment ? warnings(environment, cells) : []).map(text => ['', `warning: ${text}`]),
  ]
}

/** The largest block of free pages that a kernel has: an order above it turns reporting off. */
const LARGEST_ORDER = 10

/** @param {{ governor?: string | null, freePageReporting?: { order: number } | null }} environment @param {Run['cells']} cells */
function warnings({ governor, freePageReporting }, cells) {
  const apart = cellWarnings(cells).length
  return [
    ...(governor && governor !== 'performance' ? [`the CPU frequency governor is ${governor}, not performance`] : []),
    ...(freePageReporting && freePageReporting.order <= LARGEST_ORDER
      ? ['free pages are reported to the host: memory that is touched anew is slow by chance']
      : []),
    ...(apart > 0 ? [`${apart} series of steady reads have outliers, which summary.md names`] : []),
  ]
}

/** How much slower cells are while their locks are counted. @param {Run['cells']} cells @returns {Line[]} */
function slowness(cells) {
  const shares = modes.map(mode =>
    cells
      .filter(({ error, traced }) => !error && traced.length > 0)
      .filter(cell => pairsOf(cell, 'first', [mode]).length > 0)
      .map(cell =>
        orDash(() => locksOf(cell, mode, sample => sample.throughput).value / throughput(cell, 'first', mode).value),
      )
      .filter(Number.isFinite),
  )
  if (shares.some(found => found.length === 0)) return []
  const [workers, processes] = shares.map(found => brief(median(found)))
  return [['', `while locks are counted, workers read at ${workers} of their rate, processes at ${processes}`]]
}

/** @param {import('../harness/verdict.mjs').Row} row */
const isNear = ({ verdict, measured: { low, passes } }) =>
  verdict === 'undecided' && low !== null && (passes ?? LEAST_PASSES) >= LEAST_PASSES

/** The columns of a source, each with its two lines of head. @type {[first: string, second: string, has: (row: import('../harness/verdict.mjs').Row) => boolean][]} */
const COUNTS = [
  ['', 'holds', ({ verdict }) => verdict === 'reproduced'],
  ['not', 'here', ({ verdict }) => verdict === 'not reproduced here'],
  ['contra-', 'dicted', ({ verdict }) => verdict === 'contradicted'],
  ['near', 'line', isNear],
  ['', 'open', row => row.verdict === 'undecided' && !isNear(row)],
  ['not', 'run', ({ verdict }) => verdict === 'not runnable here'],
]

/** What is left for the names of sources beside the counts, and for what it would take. */
const BESIDE = 52

/** A line for each source, with what its claims that fail here need. @param {Run['rows']} rows @param {number} columns @returns {Line[]} */
function sources(rows, columns) {
  const authors = [...new Set(rows.map(({ source }) => source.author))]
  const most = Math.max(columns - BESIDE, 'source'.length)
  const name = Math.min(most, max(['source', ...authors].map(({ length }) => length)))
  const widths = COUNTS.map(([first, second]) => Math.max(first.length, second.length, 3))
  const start = (head, cells) =>
    `${head.slice(0, name).padEnd(name)}  ${cells.map((cell, nth) => String(cell).padStart(widths[nth])).join(' ')}  `
  const head = line => COUNTS.map(count => count[line])
  return [
    [start('', head(0)), ''],
    [start('source', head(1)), 'it would take'],
    ...authors.map(author => {
      const own = rows.filter(({ source }) => source.author === author)
      const needs = [...new Set(own.flatMap(needsOf))]
      return [
        start(
          author,
          COUNTS.map(([, , has]) => own.filter(has).length || '-'),
        ),
        needs.join(', '),
      ]
    }),
    ['', 'near line: the interval contains the line of the claim; open: too few passes, or a failure'],
  ]
}

/** In short, each without the value of this machine. @param {import('../harness/verdict.mjs').Row} row */
const needsOf = ({ verdict, reason }) =>
  verdict === 'not reproduced here'
    ? reason
        .slice(NEEDS.length)
        .split(' and ')
        .map(need => need.replace(/ \(here .*\)| or later|hardware |^an? /g, ''))
    : []

/** Who takes the lock how often, and what that predicts for 8 threads. @param {Run['cells']} cells @param {number} columns @returns {Line[]} */
function lockWrites(cells, columns) {
  const counted = cells.filter(
    ({ error, twin, hugePages, reader, traced }) =>
      !error && !twin && !hugePages && reader === 'readFileSync' && traced.length > 0,
  )
  const tunedOf = base =>
    counted.find(
      ({ variant, size, k, poolSize }) =>
        variant === TUNED.variant && size === base.size && k === base.k && poolSize === base.poolSize,
    )
  const weight = base =>
    4 * Number(base.size === SIZE && base.k === MEMBERS) + 2 * Number(Boolean(tunedOf(base))) + Number(!base.poolSize)
  const [base] = counted
    .filter(({ variant, env }) => !variant && !env)
    .sort((a, b) => weight(b) - weight(a) || a.name.localeCompare(b.name))
  if (!base) return []
  const tuned = tunedOf(base)
  const writes = (cell, mode) => orDash(() => locksOf(cell, mode, locks.writesPerThousand).value)
  const found = [
    { name: 'workers', count: writes(base, 'workers') },
    ...(tuned ? [{ name: 'workers, tuned', count: writes(tuned, 'workers') }] : []),
    { name: 'processes', count: writes(base, 'processes') },
  ].filter(({ count }) => Number.isFinite(count))
  if (found.length === 0) return []
  const most = max(found.map(({ count }) => count))
  const predictions = found.flatMap(({ name, count }) => {
    const prediction = name === 'processes' ? undefined : predictionOf(base, count / 1000)
    return prediction === undefined ? [] : [`${name} ${prediction}`]
  })
  const bar = count => '█'.repeat(most === 0 ? 0 : (Math.min(40, columns - 24) * count) / most)
  return [
    ['', `mmap_lock taken for writing per 1,000 reads: readFileSync of ${formatSize(base.size)}, k=${base.k}`],
    ...found.map(({ name, count }) => [`  ${name.padEnd(14)} ${brief(count).padStart(5)} `, bar(count)]),
    ...(predictions.length > 0
      ? [['', `8 hardware threads, workers / processes, by a calibrated law: ${predictions.join('; ')}`]]
      : []),
  ]
}

/** So many entries a list has at most. */
const MOST = 6

/** What a user can do, by the claims that hold. @param {Run['rows']} rows @returns {Line[]} */
function advice(rows) {
  const found = experiments
    .flatMap(({ claims }) => claims)
    .flatMap(({ id, advice }) => {
      const row = advice && rows.find(({ claim, verdict }) => claim.id === id && verdict === 'reproduced')
      return row ? [{ advice, measured: row.measured }] : []
    })
    .sort((a, b) => b.measured.value - a.measured.value)
    .slice(0, MOST)
  if (found.length === 0) return []
  const shown = found.map(({ advice, measured }) => [`  ${formatInterval(measured).padEnd(21)} `, advice])
  return [['', 'DO, times as fast here:'], ...shown]
}

/** What could come out otherwise on another machine, by what that would have. @param {Run['rows']} rows @returns {Line[]} */
function elsewhere(rows) {
  const groups = new Map()
  for (const row of rows.filter(({ verdict }) => verdict === 'not reproduced here')) {
    const needs = needsOf(row).join(' and ')
    groups.set(needs, [...(groups.get(needs) ?? []), row])
  }
  if (groups.size === 0) return []
  return [
    ['', 'NOT HERE, but perhaps with'],
    ...[...groups].map(([needs, own]) => {
      const shown = own.slice(0, MOST).map(({ claim, measured }) => `${claim.id} ${brief(measured.value)}`)
      const rest = own.length - shown.length
      return ['  ', `${needs}: ${[...shown, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')}`]
    }),
  ]
}
