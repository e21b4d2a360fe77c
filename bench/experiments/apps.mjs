// apps: what do programs as users write them gain by reading through a mapping?
import { existsSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { median } from 'simple-statistics'
import { cannot, evict, memoryLimited } from '../../__test__/helpers/fault-rig.mjs'
import { MiB } from '../harness/cells.mjs'
import { dataFolder } from '../harness/files.mjs'
import { installPeers } from '../harness/peers.mjs'
import { pairwise } from '../harness/ratios.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { atLeast } from '../harness/verdict.mjs'
import { APPS } from '../programs/apps.mjs'
import { formatCount } from '../report/format.mjs'
import { table } from '../report/markdown.mjs'
import { reasonAgainst, trialTable } from '../report/trials.mjs'
import { ours } from './sources.mjs'

const SIZES = {
  toy: { data: { zoom: 1, rows: 2000, lines: 1000 }, often: { passes: 1, rounds: 1, milliseconds: 20 } },
  quick: { data: { zoom: 5, rows: 50_000, lines: 200_000 }, often: { passes: 4, rounds: 1, milliseconds: 500 } },
  full: { data: { zoom: 5, rows: 200_000, lines: 1_000_000 }, often: { passes: 4, rounds: 2, milliseconds: 2000 } },
}
/** `limit`: the share of the file that there is memory for, besides what a program needs itself. */
const CONDITIONS = [
  { id: 'warm', cold: false },
  { id: 'cold at the start', cold: true },
  { id: 'half the memory', cold: true, limit: 0.5 },
]
/** Less of it ends programs that stream. */
const BESIDES = 64 * MiB
const WAYS = { fs: 'node:fs', 'mmap-io': 'a plain mapping (mmap-io)', faultless: 'faultless' }

/** @param {import('../harness/cells.mjs').RunSize} size @returns {import('../harness/trials.mjs').Work[]} */
function worksOf(size, { paths = {}, noPeers } = {}) {
  const { data, often } = SIZES[size]
  const limited = cannot('memoryLimit', 'eviction')
  return CONDITIONS.flatMap(({ id: condition, cold, limit }) =>
    Object.entries(APPS).map(([app, { title }]) => ({
      id: workOf(app, condition),
      title: `${title}, ${condition}`,
      unit: 'done/s',
      value: ({ rate }) => rate,
      base: 'fs',
      also: describe,
      ways: Object.entries(WAYS).map(([way, label]) => ({
        id: way,
        label,
        ...often,
        missing: (cold && limited) || (way === 'mmap-io' && noPeers) || undefined,
        task: { kind: 'app', app, way, path: paths[app], size: data, cold },
        fault: cold ? () => withoutCache(paths[app], limit) : undefined,
      })),
    })),
  )
}

const workOf = (app, condition) => `${app}, ${condition}`

/** Nothing of the file is in the page cache when the process starts, which has room for a part of it where there is a limit. */
function withoutCache(path, limit) {
  evict(path)
  return limit ? memoryLimited(Math.ceil(limit * statSync(path).size) + BESIDES) : { dispose() {} }
}

function describe(samples) {
  const middle = of => median(samples.map(of))
  const times = `p50 ${middle(({ p50 }) => p50).toFixed(2)} ms, p99 ${middle(({ p99 }) => p99).toFixed(2)} ms`
  return `${times}; timers late ${middle(({ delay }) => delay.p99).toFixed(1)} ms (p99); ${formatCount(middle(({ resident }) => resident) / MiB)} MiB`
}

/** The file of a program, in the page cache or soon there. */
function fileOf(app, size) {
  const { data } = SIZES[size]
  const path = join(dataFolder(), `${app}-${size}.app`)
  if (existsSync(path)) return path
  APPS[app].write(`${path}.${process.pid}`, data)
  renameSync(`${path}.${process.pid}`, path)
  return path
}

/** The table for documents. @param {Trials} trials */
function markdownOf(trials) {
  const rows = trials.works.flatMap(({ id, title, ways }) =>
    ways.map(({ id: way, label }) => {
      const refused = reasonAgainst(trials, id, way)
      if (refused) return [title, label, refused, '', '', '', '']
      const samples = trials.samples(id, way).flat()
      const middle = of => formatCount(median(samples.map(of)))
      const times = [middle(({ p50 }) => p50), middle(({ p99 }) => p99), middle(({ delay }) => delay.p99)]
      return [title, label, middle(({ rate }) => rate), ...times, middle(({ resident }) => resident / MiB)]
    }),
  )
  return table(['program', 'way', 'done/s', 'p50 ms', 'p99 ms', 'timers late, p99 ms', 'MiB resident'], rows)
}

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'apps',
  title: 'Programs as users write them',
  question: 'How much faster are typical programs when they read through a mapping, and through our methods?',
  named: true,
  obstacle: () => undefined,
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  async measure(context) {
    const { size, signal } = context
    const noPeers = size === 'toy' ? 'toy size: packages are left out' : await installPeers(signal)
    const paths = Object.fromEntries(Object.keys(APPS).map(app => [app, fileOf(app, size)]))
    const trials = new Trials(worksOf(size, { paths, noPeers }))
    await measureTrials(trials, context)
    context.save('apps.md', `${markdownOf(trials)}\n`)
    return trials
  },
  report: trials => trialTable(trials),

  claims: Object.entries(APPS).map(([app, { title }]) => ({
    id: `apps/${app}`,
    source: ours,
    text: `${title}, warm: as fast as with node:fs, at least`,
    figure: 'at least 1',
    unit: 'times node:fs',
    rule: atLeast(1),
    measure: (_, trials) =>
      pairwise(
        trials.samples(workOf(app, 'warm'), 'faultless'),
        trials.samples(workOf(app, 'warm'), 'fs'),
        (a, b) => a.rate / b.rate,
      ),
  })),
}
