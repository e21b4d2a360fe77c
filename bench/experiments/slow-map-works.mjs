// What the experiments with the design of a mapping module have in common: a file on a slow disk, read as a whole.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cannot, loopDisk, runThrottled, throttled } from '../../__test__/helpers/fault-rig.mjs'
import { KiB, MiB } from '../harness/cells.mjs'
import { bytesAt } from '../harness/files.mjs'
import { installPeers } from '../harness/peers.mjs'
import { pairwise } from '../harness/ratios.mjs'
import { notRunnable } from '../harness/requirements.mjs'
import { measureTrials, Trials, trialsTime } from '../harness/trials.mjs'
import { trialTable, trialWarnings } from '../report/trials.mjs'

const PROGRAM = fileURLToPath(new URL('../programs/slow-map.mjs', import.meta.url))
const PAGE = 4096
const WORK = 'slow'
/** What the disk delivers in a second. */
const RATE = 4 * MiB
const DISK = 64 * MiB
/** As most disks have it. */
const READ_AHEAD = 128
/** A throttle lets the first of it through at once: a file is so long that this weighs little. */
const SIZES = {
  toy: { bytes: 128 * KiB, passes: 1 },
  quick: { bytes: 2 * MiB, passes: 4 },
  full: { bytes: 8 * MiB, passes: 5 },
}
/** What a process takes longer than that hangs, in milliseconds. */
const PATIENCE = 60_000

export const WAYS = {
  index: '@riaskov/mmap-io, each page of the mapped Buffer indexed',
  read: 'faultless read, 64 KiB after 64 KiB',
  view: 'faultless view, 64 KiB after 64 KiB, each page of it indexed',
  fs: 'FileHandle.read, 64 KiB after 64 KiB',
}

/** All of an experiment but its words and its claims. @param {(keyof typeof WAYS)[]} ways */
export function slowMapExperiment(ways) {
  return {
    obstacle: () => cannot('root', 'loopDevices', 'throttling', 'dropCaches'),
    variants: () => [],
    time: size => trialsTime(works(size, ways)),
    async measure(context) {
      context.progress.begin('making a slow disk')
      const noPeers = ways.includes('index') ? await installPeers(context.signal) : undefined
      const { bytes } = SIZES[context.size]
      const disk = loopDisk({ size: DISK, readAheadKiB: READ_AHEAD })
      const group = throttled({ device: disk.device, readBps: RATE })
      try {
        const path = join(disk.mountPoint, 'file')
        const content = bytesAt(0, bytes)
        writeFileSync(path, content)
        const read = way => readSlowly({ way, path, bytes, expected: sumOf(content), disk, group })
        const trials = new Trials(works(context.size, ways, read, noPeers))
        await measureTrials(trials, context)
        return trials
      } finally {
        group.dispose()
        disk.dispose()
      }
    },
    report: trials => [trialTable(trials), ...trialWarnings(trials)].join('\n'),
  }
}

/** The longest stall of the event loop, as a share of the time in which the file was read. */
export const stalledShare = way => (_, trials) =>
  pairwise(trials.samples(WORK, way), trials.samples(WORK, way), ({ stalled, elapsed }) =>
    Math.min(1, stalled / elapsed),
  )

/** How many times as fast one way is as another. */
export const timesAsFast = (way, base) => (_, trials) =>
  pairwise(trials.samples(WORK, way), trials.samples(WORK, base), (own, other) => own.rate / other.rate)

function works(size, ways, read, noPeers) {
  const { bytes, passes } = SIZES[size]
  return [
    {
      id: WORK,
      title: 'A cold file on a disk of 4 MiB/s, read as a whole',
      unit: 'ms, the longest stall of the event loop',
      value: ({ stalled }) => stalled,
      also: samples => `read in ${samples.map(({ elapsed }) => Math.round(elapsed)).join(', ')} ms`,
      ways: ways.map(way => ({
        id: way,
        label: WAYS[way],
        passes,
        rounds: 1,
        milliseconds: (1000 * bytes) / RATE,
        missing: way === 'index' ? noPeers : undefined,
        run: async () => [await read(way)],
      })),
    },
  ]
}

async function readSlowly({ way, path, bytes, expected, disk, group }) {
  disk.cool()
  const { code, signal, stdout, stderr } = await runThrottled(group, PROGRAM, [way, path, bytes], { timeout: PATIENCE })
  if (code !== 0) {
    if (stderr.includes('ERR_NOT_RUNNABLE')) throw notRunnable(/Error: (.*)/.exec(stderr)[1])
    throw new Error(`${way} ended by ${signal ?? `exit code ${code}`}\n${stderr}`)
  }
  const { sum, ...sample } = JSON.parse(stdout)
  if (sum !== expected) throw new Error(`wrong answer: ${way} has summed up the file to ${sum}, not ${expected}`)
  return { ...sample, rate: (1000 * bytes) / sample.elapsed }
}

/** @param {Buffer} bytes */
function sumOf(bytes) {
  let sum = 0
  for (let offset = 0; offset < bytes.length; offset += PAGE) sum += bytes[offset]
  return sum
}
