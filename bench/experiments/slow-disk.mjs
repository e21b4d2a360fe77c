// slow-disk: the same on a disk that a throttle makes slow, where what is seen does not depend on the machine.
import { tmpdir } from 'node:os'
import { cannot, loopDisk, throttled } from '../../__test__/helpers/fault-rig.mjs'
import { GiB, KiB, MiB } from '../harness/cells.mjs'
import { needRoom } from '../harness/files.mjs'
import { laterThanIdle, pairwise } from '../harness/ratios.mjs'
import { summedFiles } from '../harness/sums.mjs'
import { trialsTime } from '../harness/trials.mjs'
import { atLeast, atMost, within } from '../harness/verdict.mjs'
import { cacheTables } from '../report/cache.mjs'
import { COLD, coldWork, ours as oursWays } from './cache-works.mjs'
import { measureOnDisks } from './on-disks.mjs'
import { asyncHazard, ours } from './sources.mjs'

/** Bytes a second, of all files together: half a second for what is read of the quick ones. */
const SPEED = 8 * MiB
/** That of most disks, in KiB. */
const READ_AHEAD = 128
const NODE = ['mmap async', 'mmap one', 'read async', 'read one', ...oursWays, 'idle']

const SIZES = {
  toy: {
    sequence: { files: 4, size: 256 * KiB },
    often: { passes: 1, rounds: 1, milliseconds: 300 },
    ways: ['native mmap async', 'mmap async', 'chunks'],
  },
  quick: {
    sequence: { files: 8, size: 512 * KiB },
    often: { passes: 4, rounds: 1, milliseconds: 800 },
    ways: ['native mmap async', 'native mmap one', 'native read async', ...NODE],
  },
  full: {
    sequence: { files: 8, size: 512 * KiB },
    often: { passes: 10, rounds: 1, milliseconds: 800 },
    ways: ['native mmap async', 'native mmap one', 'native mmap threads', 'native read async', ...NODE],
  },
}

function worksOf(size, on) {
  const { often, ways } = SIZES[size]
  const unthrottled = { ...on, fault: undefined }
  return [
    { ...coldWork('slow', on, often, ways), title: `cold, ${SPEED / MiB} MiB a second` },
    {
      ...coldWork('fast', unthrottled, often, ['mmap async', 'chunks']),
      title: 'cold, the same disk without a throttle',
    },
  ]
}

/** @type {import('./index.mjs').Experiment} */
export default {
  id: 'slow-disk',
  answers: ['A21'],
  title: 'A slow disk',
  question: 'What do mapped files do to the event loop where the disk is slow?',
  obstacle: () => undefined,
  variants: () => [],
  time: size => trialsTime(worksOf(size, {})),

  measure: context => measureOnDisks(context, { make: slowDisk, worksOn: worksOf }),
  report: trials => cacheTables(trials),

  claims: [
    {
      id: 'slow-disk/worse',
      source: asyncHazard,
      text: 'a slow disk shows worse blocking: the latest timer while a mapped Buffer is indexed, throttled against not throttled',
      figure: 'a hypothesis',
      unit: 'times as late',
      rule: atLeast(3),
      measure: (_, trials) =>
        pairwise(
          trials.samples('slow', 'mmap async'),
          trials.samples('fast', 'mmap async'),
          (slow, fast) => slow.delay.max / fast.delay.max,
        ),
    },
    {
      id: 'slow-disk/async-mmap',
      source: asyncHazard,
      text: 'Node: async over a mapping has no concurrency, it takes as long as 1 thread that takes the files in order',
      figure: '2.5 s / 2.5 s: 1',
      unit: 'times as long as 1 thread',
      rule: within(0.9, 1.1),
      measure: (_, trials) =>
        pairwise(
          trials.samples('slow', 'mmap async'),
          trials.samples('slow', 'mmap one'),
          (a, b) => a.milliseconds / b.milliseconds,
        ),
    },
    {
      id: 'slow-disk/naive-median',
      source: ours,
      text: 'while a mapped Buffer is indexed, even the median timer is late',
      figure: 'at least 10 ms',
      rule: atLeast(10),
      ...laterThanIdle('slow', 'p50', ['mmap async']),
    },
    {
      id: 'slow-disk/ours',
      source: ours,
      text: 'with chunks, readInto and readMany timers are as punctual as in an idle process (99 of 100, the worst of the three)',
      figure: 'at most 2 ms',
      rule: atMost(2),
      ...laterThanIdle('slow', 'p99', oursWays),
    },
  ],
}

async function slowDisk(size, signal) {
  const { files, size: bytes } = SIZES[size].sequence
  const missing = cannot('loopDevices', 'throttling', ...COLD)
  if (missing) return { missing }
  await needRoom(tmpdir(), files * bytes + 64 * MiB)
  const disk = loopDisk({ size: files * bytes + 2 * GiB, readAheadKiB: READ_AHEAD, direct: true })
  try {
    const made = await summedFiles(SIZES[size].sequence, { signal, folder: disk.mountPoint })
    const throttle = () => throttled({ device: disk.device, readBps: SPEED })
    return { files: { ...made, disk: disk.device }, fault: throttle, dispose: disk.dispose }
  } catch (error) {
    disk.dispose()
    throw error
  }
}
