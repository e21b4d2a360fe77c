// pressure: when a file does not fit into memory, where does mapping stop winning?
import { tmpdir } from 'node:os'
import { GiB, KiB, MiB } from '../harness/cells.mjs'
import { pairwise, worst } from '../harness/compare.mjs'
import { cannot, evict, loopDisk, memoryLimited } from '../harness/faults.mjs'
import { longFile, needRoom } from '../harness/files.mjs'
import { rangeSums } from '../harness/sums.mjs'
import { trialsTime } from '../harness/trials.mjs'
import { atLeast, atMost, below } from '../harness/verdict.mjs'
import { pressureWays } from '../programs/pressure.mjs'
import { pressureTables } from '../report/pressure.mjs'
import { trialWarnings } from '../report/trials.mjs'
import { measureOnDisks } from './on-disks.mjs'
import { ours } from './sources.mjs'

const SIZES = {
  toy: { file: 4 * MiB, ratios: [0.5], often: { passes: 1, rounds: 1, milliseconds: 50, warmup: 20 } },
  quick: { file: 128 * MiB, ratios: [1.25, 0.5], often: { passes: 2, rounds: 1, milliseconds: 300, warmup: 150 } },
  full: {
    file: 256 * MiB,
    ratios: [1.5, 1.25, 1, 0.9, 0.75, 0.5, 0.25],
    often: { passes: 5, rounds: 1, milliseconds: 2000, warmup: 1000 },
  },
}
/** Bytes of a read, as in the trial of Lucene's that found mapping to lose. */
const LENGTH = 16 * KiB
/** That of most disks, in KiB. */
const READ_AHEAD = 128
/** What a program is given besides its share of the file: its own memory, and page tables. */
const BESIDES = 32 * MiB
const FITS = 1.25
const HALF = 0.5

const workOf = ratio => `limit ${ratio}`

function worksOf(size, { path, sums, missing, noNative } = {}) {
  const { file, ratios, often } = SIZES[size]
  const native = [
    ['mmap', 'Rust: a mapping'],
    ['read', 'Rust: pread'],
  ].map(([io, label]) => ({ id: `native ${io}`, label, native: 'random', task: { io }, missing: noNative }))
  const node = Object.entries(pressureWays).map(([id, { label }]) => ({
    id,
    label,
    task: { kind: 'pressure', peer: id },
  }))
  return ratios.map(ratio => ({
    id: workOf(ratio),
    title: `random reads of ${LENGTH / KiB} KiB of a file of ${file / MiB} MiB, in a cgroup that has room for ${ratio} of it`,
    unit: 'reads/s',
    value: sample => sample.rate,
    ratio,
    ways: [...native, ...node].map(way => ({
      ...way,
      ...often,
      task: { ...way.task, path, size: file, length: LENGTH, sums },
      fault() {
        evict(path)
        return memoryLimited(Math.ceil(ratio * file) + BESIDES)
      },
      missing: missing ?? way.missing,
    })),
  }))
}

const rates = (ratio, way, base, unit) => ({
  unit,
  measure: (_, trials) =>
    pairwise(trials.samples(workOf(ratio), way), trials.samples(workOf(ratio), base), (a, b) => a.rate / b.rate),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'pressure',
  title: 'A file that does not fit into memory',
  question: 'Where does mapping stop winning when memory is short, and what do our methods do past it?',
  obstacle: () => undefined,
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  measure: context => measureOnDisks(context, { make: makeDisk, worksOn: worksOf }),
  report: trials => [pressureTables(trials), ...trialWarnings(trials)].join('\n'),

  claims: [
    {
      id: 'pressure/resident',
      source: ours,
      text: 'while the file fits (1.25 of it), a mapping is faster than pread (Rust, 1 thread)',
      figure: 'Lucene #16044: 38 / 25 ops/ms: 1.5',
      rule: atLeast(1),
      ...rates(FITS, 'native mmap', 'native read', 'times pread'),
    },
    {
      id: 'pressure/half',
      source: ours,
      text: 'where half of it fits, a mapping is slower than pread (Rust, 1 thread)',
      figure: 'Lucene #16044: "pread won"',
      rule: below(1),
      ...rates(HALF, 'native mmap', 'native read', 'times pread'),
    },
    ...['readInto', 'readMany', 'view'].map(way => ({
      id: `pressure/${way}`,
      source: ours,
      text: `where half of it fits, ${way} is not slower than FileHandle.read, 8 at once`,
      figure: 'at least 0.95',
      rule: atLeast(0.95),
      ...rates(HALF, way, 'FileHandle.read', 'times FileHandle.read'),
    })),
    {
      id: 'pressure/delay',
      source: ours,
      text: 'where half of it fits, readInto and readMany keep timers as punctual as FileHandle.read does (99 of 100, the worse of the two)',
      figure: 'at most 2 ms more',
      unit: 'ms later than with FileHandle.read',
      rule: atMost(2),
      measure: (_, trials) => {
        const base = trials.samples(workOf(HALF), 'FileHandle.read')
        return worst(
          ['readInto', 'readMany'].map(way => trials.samples(workOf(HALF), way)),
          (sample, pass, round) => sample.delay.p99 - base[pass][round].delay.p99,
        )
      },
    },
  ],
}

async function makeDisk(size, signal) {
  const { file } = SIZES[size]
  const missing = cannot('loopDevices', 'memoryLimit', 'eviction')
  if (missing) return { missing }
  await needRoom(tmpdir(), 2 * file)
  const disk = loopDisk({ size: file + 2 * GiB, readAheadKiB: READ_AHEAD, direct: true })
  try {
    const path = await longFile(file, { signal, folder: disk.mountPoint })
    const records = Array.from({ length: file / LENGTH }, (_, record) => [record * LENGTH, LENGTH])
    return { path, sums: await rangeSums(records, signal), dispose: disk.dispose }
  } catch (error) {
    disk.dispose()
    throw error
  }
}
