// in-order: are cold files read in order as fast as by Node's own ways, whatever the read-ahead of the disk?
import { tmpdir } from 'node:os'
import { cannot, loopDisk, readAhead } from '../../__test__/helpers/fault-rig.mjs'
import { diskUnder } from '../harness/caches.mjs'
import { formatSize, GiB, MiB } from '../harness/cells.mjs'
import { needRoom } from '../harness/files.mjs'
import { againstBest, pairwise } from '../harness/ratios.mjs'
import { summedFiles } from '../harness/sums.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { atLeast, atMost } from '../harness/verdict.mjs'
import { peers } from '../programs/peers.mjs'
import { sumWays } from '../programs/sums.mjs'
import { trialTable, trialWarnings } from '../report/trials.mjs'
import { COLD } from './cache-works.mjs'
import { ours } from './sources.mjs'

/** `short` and `long`: the files; `often`: how often, and about how long one takes with cooling, in milliseconds. */
const SIZES = {
  toy: {
    short: { files: 2, size: MiB },
    long: { files: 1, size: 2 * MiB },
    often: { passes: 1, rounds: 1, milliseconds: 200 },
  },
  quick: {
    short: { files: 8, size: 4 * MiB },
    long: { files: 1, size: 32 * MiB },
    often: { passes: 4, rounds: 1, milliseconds: 350 },
  },
  full: {
    short: { files: 8, size: 16 * MiB },
    long: { files: 1, size: 256 * MiB },
    often: { passes: 5, rounds: 1, milliseconds: 950 },
  },
}
/** The loop device has the read-ahead that is named, in KiB, while a trial runs; the machine's own disk has its own. */
const DISKS = [
  { id: 'disk', spoken: "the machine's own disk" },
  { id: 'loop-128k', spoken: 'a loop device, read-ahead 128 KiB', kib: 128 },
  { id: 'loop-8m', spoken: 'a loop device, read-ahead 8 MiB', kib: 8192 },
]
const FILES = [
  { id: 'short', spoken: '8 files of 16 MiB' },
  { id: 'long', spoken: 'a file of 256 MiB' },
]
const PLACES = DISKS.flatMap(disk => FILES.map(files => ({ disk, files, id: `${files.id}-${disk.id}` })))

const BASE = 'FileHandle.read'
/** The ways in which a program reads several files at the same time. */
const AT_ONCE = { node: 'read async', ours: 'chunks async' }
const WAYS = [BASE, 'createReadStream', 'readInto', 'readMany', 'createReadStream, ours', 'chunks']

/** @param {import('../harness/cells.mjs').RunSize} size @param {Partial<Awaited<ReturnType<typeof makeFiles>>>} [on] */
function worksOf(size, on = {}) {
  const { often } = SIZES[size]
  // A toy run checks answers, which are the same on every disk.
  const places = size === 'toy' ? PLACES.filter(({ disk }) => disk === DISKS.at(-1)) : PLACES
  return places.map(({ disk, files, id }) => {
    const { files: count, size: bytes } = SIZES[size][files.id]
    const { made, missing, device } = on[disk.id] ?? {}
    const own = made?.[files.id]
    const ways = WAYS.map(name => ({ id: name, label: peers[name].label, kind: 'sequence' }))
    if (files.id === 'short') {
      for (const name of Object.values(AT_ONCE)) ways.push({ id: name, label: sumWays[name].label, kind: 'sums' })
    }
    return {
      id,
      title: `cold, ${disk.spoken}: ${count} x ${formatSize(bytes)} in order, every 512th byte summed up`,
      unit: 'bytes/s',
      value: sample => sample.rate,
      base: BASE,
      ways: ways.map(({ kind, ...way }) => ({
        ...way,
        ...often,
        task: { kind, peer: way.id, ...own },
        cold: own && { paths: own.paths, bytes: count * bytes, disk: device },
        fault: disk.kib && (() => readAhead(device, disk.kib)),
        missing: missing ?? (own && cannot(...COLD)),
      })),
    }
  })
}

/** @param {string} way @param {string} base @param {string} text @param {string} place @param {string} work */
const notSlower = (way, base, text, place, work) => ({
  id: `in-order/${way.split(',')[0]}-${work}`,
  source: ours,
  text: `cold, ${place}: ${text}`,
  figure: 'at least 0.95',
  unit: `times ${base}`,
  rule: atLeast(0.95),
  measure: (_, trials) => pairwise(trials.samples(work, way), trials.samples(work, base), (a, b) => a.rate / b.rate),
})

/** @param {string} way @param {string[]} others @param {string} text @param {string} place @param {string} work */
const noLonger = (way, others, text, place, work) => ({
  id: `in-order/${way.replace(' ', '-')}-${work}`,
  source: ours,
  text: `cold, ${place}: ${text}`,
  figure: 'at most 1.05',
  unit: "times as long as the fastest of Node's own",
  rule: atMost(1.05),
  measure: (_, trials) =>
    inverse(
      againstBest(
        trials.samples(work, way),
        others.map(other => trials.samples(work, other)),
        sample => sample.rate,
      ),
    ),
})

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'in-order',
  title: 'Cold files in order',
  question: "Are cold files read in order as fast as by Node's own ways, whatever the read-ahead of the disk?",
  obstacle: () => undefined,
  variants: () => [],
  time: size => trialsTime(worksOf(size)),

  async measure(context) {
    const { size, signal, progress } = context
    progress.begin('making files')
    const on = await makeFiles(size, signal)
    try {
      const trials = new Trials(worksOf(size, on))
      await measureTrials(trials, context)
      return trials
    } finally {
      on.dispose()
    }
  },
  report: trials => [trialTable(trials), ...trialWarnings(trials)].join('\n'),

  claims: PLACES.flatMap(({ disk, files, id }) => {
    const place = `${disk.spoken}, ${files.spoken}`
    return [
      notSlower('readInto', BASE, 'readInto of 1 MiB is not slower than FileHandle.read of 1 MiB', place, id),
      notSlower('readMany', BASE, 'readMany of 16 x 64 KiB is not slower than FileHandle.read of 1 MiB', place, id),
      notSlower(
        'createReadStream, ours',
        'createReadStream',
        'createReadStream, opening included, is not slower than fs.createReadStream',
        place,
        id,
      ),
      noLonger(
        'chunks',
        [BASE, 'createReadStream'],
        "chunks, one file after the other, takes no longer than the fastest of Node's own ways",
        place,
        id,
      ),
      ...(files.id === 'short'
        ? [
            noLonger(
              AT_ONCE.ours,
              [BASE, 'createReadStream', AT_ONCE.node],
              "chunks of all files at once takes no longer than the fastest of Node's own ways, all files at once among them",
              place,
              id,
            ),
          ]
        : []),
    ]
  }),
}

/** Of how many times as fast: how many times as long. @param {import('../harness/statistics.mjs').Interval} found */
const inverse = ({ value, low, high, passes }) => ({
  value: 1 / value,
  low: high && 1 / high,
  high: low && 1 / low,
  passes,
})

/** The same files on the machine's own disk and on a loop device. @param {import('../harness/cells.mjs').RunSize} size @param {AbortSignal} signal */
async function makeFiles(size, signal) {
  const { short, long } = SIZES[size]
  const makeIn = async folder => ({
    short: await summedFiles(short, { signal, folder }),
    long: await summedFiles(long, { signal, folder }),
  })
  const made = await makeIn()
  const own = { made, device: diskUnder(made.long.paths[0]) }
  const { dispose, ...loop } = await onLoopDevice(short.files * short.size + long.size, makeIn)
  return { disk: own, 'loop-128k': loop, 'loop-8m': loop, dispose }
}

/** @template T @param {number} bytes @param {(folder: string) => Promise<T>} makeIn */
async function onLoopDevice(bytes, makeIn) {
  const missing = cannot('loopDevices', 'readAhead')
  if (missing) return { missing, dispose() {} }
  await needRoom(tmpdir(), bytes)
  const disk = loopDisk({ size: bytes + 2 * GiB, direct: true })
  try {
    return { made: await makeIn(disk.mountPoint), device: disk.device, dispose: disk.dispose }
  } catch (error) {
    disk.dispose()
    throw error
  }
}
