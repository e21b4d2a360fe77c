// pressure: when a file does not fit into memory, where does mapping stop winning?
import { tmpdir } from 'node:os'
import { median } from 'simple-statistics'
import { cannot, evict, loopDisk, memoryLimited } from '../../__test__/helpers/fault-rig.mjs'
import { GiB, KiB, MiB } from '../harness/cells.mjs'
import { longFile, needRoom } from '../harness/files.mjs'
import { pairwise, worst } from '../harness/ratios.mjs'
import { rangeSums, summedFiles } from '../harness/sums.mjs'
import { trialsTime } from '../harness/trials.mjs'
import { atLeast, atMost, below } from '../harness/verdict.mjs'
import { peers } from '../programs/peers.mjs'
import { pressureWays } from '../programs/pressure.mjs'
import { pressureTables } from '../report/pressure.mjs'
import { trialTable, trialWarnings } from '../report/trials.mjs'
import { measureOnDisks } from './on-disks.mjs'
import { ours } from './sources.mjs'

/** `beside`: bytes of the hot set and of what streams past it. */
const SIZES = {
  toy: {
    file: 64 * MiB,
    ratios: [0.5],
    often: { passes: 1, rounds: 1, milliseconds: 50, warmup: 20 },
    beside: { hot: MiB, stream: 4 * MiB, passes: 1 },
  },
  quick: {
    file: 128 * MiB,
    ratios: [1.25, 0.5],
    often: { passes: 4, rounds: 1, milliseconds: 300, warmup: 150 },
    beside: { hot: 64 * MiB, stream: 256 * MiB, passes: 4 },
  },
  full: {
    file: 256 * MiB,
    ratios: [1.5, 1.25, 1, 0.9, 0.5, 0.25],
    often: { passes: 4, rounds: 1, milliseconds: 1000, warmup: 500 },
    beside: { hot: 64 * MiB, stream: GiB, passes: 4 },
  },
}
/** What the neighbour and the stream have together, and the pace of the stream. */
const SHARED = 256 * MiB
const PACE = 150 * MiB
const STREAMS = ['chunks', 'createReadStream']
const HOT = ['readInto', 'FileHandle.read']
const PAGE = 4 * KiB
/** Passes of what no claim needs. */
const ONCE = 1
/** Bytes of a read, as in the trial of Lucene's that found mapping to lose. */
const LENGTH = 16 * KiB
/** That of most disks, in KiB. */
const READ_AHEAD = 128
/** What a program is given besides its share of the file: its own memory, and page tables. */
const BESIDES = 32 * MiB
const FITS = 1.25
const HALF = 0.5

const workOf = ratio => `limit ${ratio}`

function worksOf(size, on = {}) {
  return [...limitedWorks(size, on), besideWork(size, on), touchWork(size, on)]
}

function limitedWorks(size, { path, sums, missing, noNative }) {
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
      passes: [FITS, HALF].includes(ratio) ? often.passes : ONCE,
      task: { ...way.task, path, size: file, length: LENGTH, sums },
      fault() {
        evict(path)
        return memoryLimited(Math.ceil(ratio * file) + BESIDES)
      },
      missing: missing ?? way.missing,
    })),
  }))
}

/** A hot set is read at random, while another process in its cgroup streams a file past. */
function besideWork(size, { hot, stream, missing }) {
  const { beside } = SIZES[size]
  return {
    id: 'beside',
    title: `random reads of 4 KiB of a hot set, while ${beside.stream / MiB} MiB stream past at ${PACE / MiB} MiB/s in the same cgroup of ${SHARED / MiB} MiB`,
    unit: 'ms a read (p99)',
    value: sample => sample.p99,
    also: samples =>
      `max ${median(samples.map(({ max }) => max)).toFixed(1)} ms; ${Math.round(median(samples.map(sample => sample.bytesPerSecond)) / MiB)} MiB/s stream past`,
    ways: HOT.flatMap(reads =>
      STREAMS.map(streams => ({
        id: besideWay(reads, streams),
        label: `${peers[reads].label}, beside ${peers[streams].label}`,
        passes: beside.passes,
        rounds: 1,
        milliseconds: (1000 * beside.stream) / PACE,
        start: 1000,
        task: {
          kind: 'neighbour',
          peer: reads,
          path: hot,
          size: beside.hot,
          length: PAGE,
          stream: { peer: streams, ...stream, bytesPerSecond: PACE },
        },
        fault() {
          for (const path of [hot, ...stream.paths]) evict(path)
          return memoryLimited(SHARED)
        },
        missing,
      })),
    ),
  }
}

/** Mapped bytes of a file of which half fits are touched at random. */
function touchWork(size, { path, missing }) {
  const { file, often } = SIZES[size]
  return {
    id: 'touches',
    title: `a byte of a random page of ${file / MiB} MiB that are mapped, in a cgroup that has room for ${HALF} of them`,
    unit: 'ms that the JS thread stands still (p99)',
    value: sample => sample.p99,
    also: samples =>
      `max ${median(samples.map(({ max }) => max)).toFixed(1)} ms; ${Math.round(median(samples.map(({ majorFaults, reads }) => (1000 * majorFaults) / reads)))} major faults per 1,000`,
    ways: ['mmap', 'view'].map(id => ({
      id,
      label: id === 'mmap' ? pressureWays.mmap.label : 'faultless: a view of the whole file',
      ...often,
      task: { kind: 'touches', peer: id, path, size: file },
      fault() {
        evict(path)
        return memoryLimited(HALF * file + BESIDES)
      },
      missing,
    })),
  }
}

const besideWay = (reads, streams) => `${reads} beside ${streams}`

const rates = (ratio, way, base, unit) => ({
  unit,
  measure: (_, trials) =>
    pairwise(trials.samples(workOf(ratio), way), trials.samples(workOf(ratio), base), (a, b) => a.rate / b.rate),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'pressure',
  answers: ['M7', 'A11'],
  title: 'A file that does not fit into memory',
  question: 'From which shortage of memory on is a mapping slower than reads, and how fast are our methods then?',
  obstacle: () => undefined,
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  measure: context => measureOnDisks(context, { make: makeDisk, worksOn: worksOf }),
  report: trials =>
    [
      pressureTables(trials),
      trialTable(
        trials,
        trials.works.filter(({ ratio }) => ratio === undefined),
      ),
      ...trialWarnings(trials),
    ].join('\n'),

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
    ...HOT.map(reads => ({
      id: `pressure/beside-${reads}`,
      source: ours,
      text: `while 1 GiB streams past in the same cgroup of 256 MiB, ${reads} of a hot set takes hardly longer beside chunks than beside fs.createReadStream (99 of 100)`,
      figure: 'at most 1.5',
      unit: 'times as long as beside createReadStream',
      rule: atMost(1.5),
      measure: (_, trials) => {
        const [chunks, stream] = STREAMS.map(streams => trials.samples('beside', besideWay(reads, streams)))
        return pairwise(chunks, stream, (a, b) => a.p99 / b.p99)
      },
    })),
    {
      id: 'pressure/touches',
      source: ours,
      text: 'where half of it fits, a touch of a random page of a view does not stop the JS thread for long (99 of 100)',
      figure: 'at most 2 ms',
      unit: 'ms',
      rule: atMost(2),
      measure: (_, trials) => {
        const samples = trials.samples('touches', 'view')
        return pairwise(samples, samples, ({ p99 }) => p99)
      },
    },
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
  const { file, beside } = SIZES[size]
  const missing = cannot('loopDevices', 'memoryLimit', 'eviction')
  if (missing) return { missing }
  await needRoom(tmpdir(), 2 * file + beside.hot + beside.stream)
  const disk = loopDisk({ size: file + beside.hot + beside.stream + 2 * GiB, readAheadKiB: READ_AHEAD, direct: true })
  try {
    const where = { signal, folder: disk.mountPoint }
    const path = await longFile(file, where)
    const hot = await longFile(beside.hot, where)
    const stream = await summedFiles({ files: 1, size: beside.stream }, where)
    const records = Array.from({ length: file / LENGTH }, (_, record) => [record * LENGTH, LENGTH])
    return { path, hot, stream, sums: await rangeSums(records, signal), dispose: disk.dispose }
  } catch (error) {
    disk.dispose()
    throw error
  }
}
