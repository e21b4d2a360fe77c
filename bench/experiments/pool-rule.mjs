// pool-rule: which buffers are slices of Buffer's pool, whose pool is it, and what does a slice keep in memory?
import { fileURLToPath } from 'node:url'
import { KiB } from '../harness/cells.mjs'
import { command, withChildren } from '../harness/child.mjs'
import { within } from '../harness/verdict.mjs'
import { contention } from './sources.mjs'

const PROGRAM = fileURLToPath(new URL('../programs/pool-rule.mjs', import.meta.url))

/** A count, which is the same each time. @param {number} value */
const counted = value => ({ value, low: value, high: value })
const share = (rules, of) => counted(rules.filter(of).length / rules.length)
const claim = (id, text, figure, unit, rule, measure) => ({
  id: `pool-rule/${id}`,
  source: contention,
  text,
  figure,
  unit,
  rule,
  measure: (_, found) => measure(found),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'pool-rule',
  title: 'The rule of the pool',
  question:
    'Which buffers are slices of the pool of Buffer, does each worker have its own pool, and how much memory does a slice keep?',
  answers: ['W32', 'W48', 'W66', 'W67', 'W75', 'W78', 'W86'],
  obstacle: () => undefined,
  variants: () => [],
  time: () => 300,

  async measure({ signal, record, recorded }) {
    if (recorded.length > 0) return { ...recorded[0], failures: [] }
    const found = JSON.parse(await withChildren(signal, () => command(process.execPath, [PROGRAM])))
    record(found)
    return { ...found, failures: [] }
  },
  report: ({ own, inWorker, rules }) =>
    [
      `poolSize is ${own} bytes, and in a new worker ${inWorker}, where another worker had doubled its own`,
      ...rules.map(
        ({ pool, below, at, held }) =>
          `a pool of ${pool} bytes: below half of it ${below ? 'a slice' : 'no slice'}, at half of it ${at ? 'a slice' : 'no slice'}; a slice of 100 bytes keeps ${held} bytes`,
      ),
    ].join('\n'),

  claims: [
    claim(
      'below',
      'pools of 8, 64 and 256 KiB: a buffer 8 bytes shorter than half of the pool is a slice of it',
      'size < poolSize >>> 1',
      'of the pools',
      within(1, 1),
      ({ rules }) => share(rules, ({ below }) => below),
    ),
    claim(
      'at',
      'pools of 8, 64 and 256 KiB: a buffer of half of the pool is none, as 4,096 bytes of a pool of 8 KiB',
      'size < poolSize >>> 1',
      'of the pools',
      within(0, 0),
      ({ rules }) => share(rules, ({ at }) => at),
    ),
    claim(
      'realm',
      'Buffer.poolSize is a setting of each worker: a new one has the default, whatever another has set',
      'per realm',
      'of the default',
      within(1, 1),
      ({ own, inWorker }) => counted(inWorker / own),
    ),
    claim(
      'held',
      'a slice of 100 bytes keeps a whole pool of 64 KiB in memory: 56 KiB more in each worker than with 8 KiB',
      '56 KiB',
      'KiB more',
      within(56, 57),
      ({ rules: [small, middle] }) => counted((middle.held - small.held) / KiB),
    ),
    claim(
      'held-256KiB',
      'a pool of 256 KiB keeps 248 KiB more in each worker',
      '248 KiB',
      'KiB more',
      within(248, 249),
      ({ rules: [small, , large] }) => counted((large.held - small.held) / KiB),
    ),
  ],
}
