// shared-views: what does it cost to give worker threads the bytes of a file, by each way that there is?

import { capabilities } from 'faultless'
import { median } from 'simple-statistics'
import { formatSize, MiB } from '../harness/cells.mjs'
import { dataFile } from '../harness/files.mjs'
import { pairwise } from '../harness/ratios.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { atLeast, atMost } from '../harness/verdict.mjs'
import { waysToShare } from '../programs/shared-views.mjs'
import { trialTable, trialWarnings } from '../report/trials.mjs'
import { ours } from './sources.mjs'

/** `milliseconds`: how long workers go through the bytes; `start`: about what a process takes beside that. */
const SIZES = {
  toy: { bytes: MiB, workers: [2], often: { passes: 1, rounds: 1, milliseconds: 50, start: 600 } },
  quick: { bytes: 64 * MiB, workers: [1, 4], often: { passes: 4, rounds: 1, milliseconds: 300, start: 900 } },
  full: { bytes: 256 * MiB, workers: [1, 2, 4, 8], often: { passes: 10, rounds: 1, milliseconds: 1000, start: 2500 } },
}
/** The number of workers that claims are about; at toy size there is another. */
const MANY = 4

/** @param {import('../harness/cells.mjs').RunSize} size @param {ReturnType<typeof dataFile>} [file] */
function worksOf(size, file) {
  const { bytes, workers, often } = SIZES[size]
  return workers.map(count => ({
    id: nameOf(count),
    title: `${count} workers, a file of ${formatSize(bytes)} in the page cache`,
    unit: 'bytes/s',
    value: sample => sample.rate,
    base: 'copy',
    also: samples => {
      const of = key => median(samples.map(sample => sample[key]))
      const extra = of('anonymousBytes') + of('pageTableBytes')
      return `${of('startMs').toPrecision(3)} ms until all have it, ${(extra / MiB).toFixed(1)} MiB of memory`
    },
    ways: Object.entries(waysToShare).map(([id, { label, shared }]) => ({
      id,
      label,
      ...often,
      task: { kind: 'sharedViews', peer: id, workers: count, ...file },
      missing: shared && !capabilities().sharedViews ? `Node ${process.version} cannot share mapped memory` : undefined,
    })),
  }))
}

const nameOf = count => `workers-${count}`

/** A ratio of post to another way, sample by sample. */
const postOver = (other, of, unit) => ({
  unit,
  measure: (_, trials) =>
    pairwise(
      trials.samples(nameOf(MANY), 'post'),
      trials.samples(nameOf(MANY), other),
      (post, base) => of(post) / of(base),
    ),
})
const memoryOf = ({ anonymousBytes, pageTableBytes }) => Math.max(1, anonymousBytes + pageTableBytes)

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'shared-views',
  title: 'One mapping for all threads',
  question:
    'What does it cost to give the bytes of a file to worker threads: posted as a shared view, opened, copied, transferred?',
  obstacle: () => undefined,
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  async measure(context) {
    const trials = new Trials(worksOf(context.size, dataFile(SIZES[context.size].bytes)))
    await measureTrials(trials, context)
    return trials
  },
  report: trials => [trialTable(trials), ...trialWarnings(trials)].join('\n'),

  claims: [
    {
      id: 'shared-views/memory',
      source: ours,
      text: `${MANY} workers: posting a shared view takes less memory of the process than copying the file for each`,
      figure: 'at most 0.05',
      rule: atMost(0.05),
      ...postOver('copy', memoryOf, 'times the memory of copies'),
    },
    {
      id: 'shared-views/start-copy',
      source: ours,
      text: `${MANY} workers have the bytes sooner by a posted shared view than by copies`,
      figure: 'at most 0.2',
      rule: atMost(0.2),
      ...postOver('copy', ({ startMs }) => startMs, 'times the time of copies'),
    },
    {
      id: 'shared-views/start-open',
      source: ours,
      text: `${MANY} workers have the bytes sooner by a posted shared view than where each opens the file`,
      figure: 'at most 0.8',
      rule: atMost(0.8),
      ...postOver('open', ({ startMs }) => startMs, 'times the time of opening'),
    },
    {
      id: 'shared-views/rate',
      source: ours,
      text: `${MANY} workers go through a shared view as fast as through copies of their own`,
      figure: 'at least 0.9',
      rule: atLeast(0.9),
      ...postOver('copy', ({ rate }) => rate, 'times the rate over copies'),
    },
  ],
}
