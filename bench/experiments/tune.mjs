// tune: what does one call of allocator.tune() do for code that is not ours?
import { formatSize, KiB, MiB, modes, under } from '../harness/cells.mjs'
import { lockSpeedup, locks, moreResident, speedup, workersOverProcesses } from '../harness/ratios.mjs'
import { twoCores } from '../harness/requirements.mjs'
import { tuned } from '../harness/variants.mjs'
import { atLeast, atMost } from '../harness/verdict.mjs'
import { readers } from '../programs/readers.mjs'
import { ours } from './sources.mjs'

/** What is to become faster, and by how much at least. */
const READS = [
  { size: 64 * KiB, line: 1.5 },
  { size: MiB, line: 1.8 },
  { size: 8 * MiB, line: 1.8 },
]
/** What must not become slower. */
const JOBS = [
  { reader: 'readFile-1', size: 64 * KiB },
  { reader: 'readFile-8', size: MiB },
  { reader: 'gzipSync', size: 64 * KiB },
  { reader: 'randomBytes', size: MiB },
  { reader: 'JSON.parse', size: MiB },
  { reader: 'structuredClone', size: MiB },
]
const KS = [4, 8]
/** Of the jobs, in a quick run. */
const FEW = [4]
const NOT_SLOWER = 0.95

/** @param {number} size @param {number} k @returns {import('../harness/cells.mjs').Cell} */
const read = (size, k) => ({ reader: 'readFileSync', size, k })
const withTune = cell => ({ ...cell, ...tuned() })
const reads = READS.flatMap(({ size }) => KS.map(k => read(size, k)))
const jobs = ks => JOBS.flatMap(job => ks.map(k => ({ ...job, k })))

/** Each cell with malloc as it is, and tuned. @param {import('../harness/cells.mjs').RunSize} size @param {import('../harness/cells.mjs').Cell[]} cells */
function both(size, cells) {
  const asked = size === 'toy' ? cells.map(({ reader }) => ({ reader, size: 128, k: 2 })) : cells
  return [...asked, ...under(asked, [tuned()])]
}

const spoken = { first: 'first reads', steady: 'once the heaps have stopped growing' }
const short = size => formatSize(size).replace(' ', '')

const faster = READS.flatMap(({ size, line }) =>
  KS.flatMap(k =>
    ['first', 'steady'].flatMap(phase => [
      {
        id: `tune/faster-${short(size)}-${k}-${phase}`,
        source: ours,
        text: `readFileSync of ${formatSize(size)}, k=${k}, ${spoken[phase]}: workers with allocator.tune() are faster than without`,
        figure: `at least ${line}`,
        unit: 'tuned / default, workers',
        rule: atLeast(line),
        measure: results =>
          speedup(results.cell(withTune(read(size, k))), results.cell(read(size, k)), phase, 'workers'),
      },
      {
        id: `tune/processes-${short(size)}-${k}-${phase}`,
        source: ours,
        text: `readFileSync of ${formatSize(size)}, k=${k}, ${spoken[phase]}: workers with allocator.tune() are as fast as processes`,
        figure: `at least ${NOT_SLOWER}`,
        unit: 'tuned workers / processes',
        rule: atLeast(NOT_SLOWER),
        measure: results =>
          workersOverProcesses(results.cell(withTune(read(size, k))), results.cell(read(size, k)), phase),
      },
    ]),
  ),
)

/** Workers in readFileSync are held to more than that already. */
const notSlower = modes.flatMap(mode =>
  [...(mode === 'processes' ? READS.map(({ size }) => read(size, FEW[0])) : []), ...jobs(FEW)].map(cell => ({
    id: `tune/not-slower-${cell.reader}-${short(cell.size)}-${mode}`,
    source: ours,
    text: `${readers[cell.reader].label}, ${formatSize(cell.size)}, k=${cell.k}, ${spoken.steady}: ${mode} are not slower with allocator.tune()`,
    figure: `at least ${NOT_SLOWER}`,
    unit: `tuned / default, ${mode}`,
    rule: atLeast(NOT_SLOWER),
    measure: results => speedup(results.cell(withTune(cell)), results.cell(cell), 'steady', mode),
  })),
)

const waits = KS.map(k => ({
  id: `tune/waits-${k}`,
  source: ours,
  text: `readFileSync of 64 KiB, k=${k}, first reads: workers with allocator.tune() wait for the write lock of mmap_lock at most a fifth as long as without`,
  figure: 'at most 0.2',
  unit: 'waits for writing, tuned / default, workers',
  rule: atMost(0.2),
  measure: results => {
    const cell = read(64 * KiB, k)
    return lockSpeedup(results.locks(withTune(cell)), results.locks(cell), 'workers', locks.writeWaitPerRead)
  },
}))

const memory = KS.map(k => ({
  id: `tune/memory-${k}`,
  source: ours,
  text: `readFileSync of 8 MiB, k=${k}, ${spoken.steady}: workers with allocator.tune() hold at most the heap of one malloc arena more, each`,
  figure: 'at most 64 MiB',
  unit: 'MiB more per worker',
  rule: atMost(64),
  measure: results => {
    const cell = read(8 * MiB, k)
    return moreResident(results.cell(withTune(cell)), results.cell(cell), 'steady', 'workers', MiB * k)
  },
}))

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'tune',
  answers: ['W9'],
  title: 'malloc tuned for workers',
  question: 'How much faster is other code with node --import faultless/tune, and how much memory does it cost?',
  obstacle: twoCores,
  variants: size => both(size, [...reads, ...jobs(size === 'full' ? KS : FEW)]),
  traced: size => (size === 'toy' ? [] : both(size, size === 'full' ? reads : KS.map(k => read(64 * KiB, k)))),
  claims: [...faster, ...waits, ...notSlower, ...memory],
}
