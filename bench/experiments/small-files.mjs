// small-files: are many small files by their paths read with less time and CPU time than by fs.promises.readFile?

import { median } from 'simple-statistics'
import { cannot } from '../../__test__/helpers/fault-rig.mjs'
import { diskUnder } from '../harness/caches.mjs'
import { formatSize, KiB, MiB } from '../harness/cells.mjs'
import { manyFiles, manyPaths } from '../harness/files.mjs'
import { pairwise } from '../harness/ratios.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { atMost } from '../harness/verdict.mjs'
import { peers } from '../programs/peers.mjs'
import { trialTable, trialWarnings } from '../report/trials.mjs'
import { COLD } from './cache-works.mjs'
import { ours } from './sources.mjs'

/** How many files of each size; `often`: about how long a round takes and, with its preparation, a process, in milliseconds. */
const SIZES = {
  toy: { files: [20, 8, 2], often: { passes: 1, rounds: 1, milliseconds: 120, start: 300 } },
  quick: { files: [2000, 800, 40], often: { passes: 4, rounds: 1, milliseconds: 250, start: 500 } },
  full: { files: [10_000, 4000, 200], often: { passes: 5, rounds: 2, milliseconds: 700, start: 1500 } },
}
const BYTES = [4 * KiB, 64 * KiB, MiB]
const BASE = 'readFile'
const OURS = 'mmapRead'

/** @param {import('../harness/cells.mjs').RunSize} size @param {Awaited<ReturnType<typeof makeFiles>>} [made] */
function worksOf(size, made = []) {
  const { files, often } = SIZES[size]
  return [
    { id: '4k', index: 0 },
    { id: '4k-cold', index: 0, isCold: true },
    { id: '64k', index: 1 },
    { id: '1m', index: 2 },
  ].map(({ id, index, isCold = false }) => {
    const { missing, ...on } = made[index] ?? {}
    const paths = on.folder && manyPaths(on)
    return {
      id,
      title: `${isCold ? 'cold' : 'warm'}, ${files[index]} files of ${formatSize(BYTES[index])}, all asked for at once`,
      unit: 'files/s',
      value: sample => sample.rate,
      base: BASE,
      also: samples =>
        `${median(samples.map(({ cpuMs, files }) => (1000 * cpuMs) / files)).toPrecision(3)} µs of CPU time a file`,
      ways: [BASE, OURS].map(name => ({
        id: name,
        label: peers[name].label,
        ...often,
        rounds: isCold ? 1 : often.rounds,
        task: { kind: 'files', peer: name, ...on },
        cold: isCold && paths ? { paths, bytes: paths.length * BYTES[index], disk: diskUnder(paths[0]) } : undefined,
        missing: missing ?? (isCold && paths ? cannot(...COLD) : undefined),
      })),
    }
  })
}

const OF = { wall: ['time', 'milliseconds'], cpu: ['CPU time', 'cpuMs'] }

/** @param {string} work @param {keyof typeof OF} of @param {number} line @param {string} text */
function claim(work, of, line, text) {
  const [spoken, key] = OF[of]
  return {
    id: `small-files/${work}-${of}`,
    source: ours,
    text: `${text}: ${spoken} of mmapRead against that of fs.promises.readFile`,
    figure: `at most ${line}`,
    unit: 'times readFile',
    rule: atMost(line),
    measure: (_, trials) =>
      pairwise(trials.samples(work, OURS), trials.samples(work, BASE), (own, node) => own[key] / node[key]),
  }
}

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'small-files',
  title: 'Many small files',
  question: 'Does mmapRead read many small files with less time and CPU time than fs.promises.readFile?',
  obstacle: () => undefined,
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  async measure(context) {
    const { size, signal, progress } = context
    progress.begin('making files')
    const trials = new Trials(worksOf(size, await makeFiles(size, signal)))
    await measureTrials(trials, context)
    return trials
  },
  report: trials => [trialTable(trials), ...trialWarnings(trials)].join('\n'),

  claims: [
    ...[
      ['4k', 'warm, 10,000 files of 4 KiB at once'],
      ['4k-cold', 'cold, 10,000 files of 4 KiB at once'],
      ['64k', 'warm, 4,000 files of 64 KiB at once'],
    ].flatMap(([work, text]) => [claim(work, 'wall', 0.4, text), claim(work, 'cpu', 0.4, text)]),
    claim('1m', 'wall', 1, 'warm, 200 files of 1 MiB at once'),
  ],
}

/** @param {import('../harness/cells.mjs').RunSize} size @param {AbortSignal} signal */
async function makeFiles(size, signal) {
  const made = []
  for (const [index, files] of SIZES[size].files.entries()) {
    try {
      made.push(await manyFiles({ files, size: BYTES[index] }, signal))
    } catch (error) {
      if (error.code !== 'ERR_NOT_RUNNABLE') throw error
      made.push({ missing: error.message })
    }
  }
  return made
}
