// example-trial: an experiment of one trial and its base: is readInto faster than FileHandle.read, at random 4 KiB?
import { ours } from '../experiments/sources.mjs'
import { KiB, MiB } from '../harness/cells.mjs'
import { longFile } from '../harness/files.mjs'
import { pairwise } from '../harness/ratios.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { atLeast } from '../harness/verdict.mjs'
import { trialTable } from '../report/trials.mjs'

const BASE = 'FileHandle.read'
const OFTEN = { passes: 4, rounds: 2, milliseconds: 200 }

const worksOn = path => [
  {
    id: 'random',
    title: 'warm, random 4 KiB, one at a time',
    unit: 'reads/s',
    value: sample => sample.rate,
    base: BASE,
    ways: [BASE, 'readInto'].map(peer => ({
      ...{ id: peer, label: peer, ...OFTEN },
      task: { kind: 'ranges', peer, path, size: MiB, length: 4 * KiB },
    })),
  },
]

/** @type {import('../experiments/index.mjs').Experiment} */
export default {
  id: 'example-trial',
  title: 'Random reads',
  question: 'Is readInto faster than FileHandle.read at random ranges of 4 KiB of a cached file?',
  obstacle: () => undefined,
  variants: () => [],
  time: () => trialsTime(worksOn()),
  async measure(context) {
    const trials = new Trials(worksOn(await longFile(MiB, context)))
    await measureTrials(trials, context)
    return trials
  },
  report: trialTable,
  claims: [
    {
      id: 'example-trial/faster',
      source: ours,
      text: 'readInto of 4 KiB, one at a time, against FileHandle.read',
      figure: 'at least 2',
      unit: `times ${BASE}`,
      rule: atLeast(2),
      measure: (_, trials) =>
        pairwise(
          trials.samples('random', 'readInto'),
          trials.samples('random', BASE),
          (own, node) => own.rate / node.rate,
        ),
    },
  ],
}
