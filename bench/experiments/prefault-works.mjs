// The works of the experiment `prefault`: every way to bring a mapping's pages into memory, each on a fresh cold mapping.
import { tmpdir } from 'node:os'
import { cannot, evict, failAtEnd, loopDisk, readAhead } from '../../__test__/helpers/fault-rig.mjs'
import { cool } from '../harness/caches.mjs'
import { GiB, KiB, MiB } from '../harness/cells.mjs'
import { NativeProgram } from '../harness/child.mjs'
import { longFile, needRoom } from '../harness/files.mjs'
import { traced } from '../harness/locks.mjs'
import { nativeProgram } from '../harness/native.mjs'
import { rangeSums } from '../harness/sums.mjs'
import { COLD } from './cache-works.mjs'

/**
 * `file`: its size; `pieces`: how many, one in each MiB; `some`: what is tried on pieces and on a disk that fails, and `locks`:
 * whose locks are counted, of all where they are left out; `often`: how often, and about how long one takes, in milliseconds.
 */
const SIZES = {
  toy: { file: 2 * MiB, pieces: 2, locks: ['start-then-populate'], often: { passes: 1, rounds: 1, milliseconds: 150 } },
  quick: {
    file: 32 * MiB,
    pieces: 32,
    some: ['none', 'willneed', 'populate-read', 'start-then-populate', 'advise-random'],
    locks: ['none', 'willneed', 'populate-read', 'start-then-populate'],
    often: { passes: 4, rounds: 1, milliseconds: 250 },
  },
  full: { file: 256 * MiB, pieces: 256, often: { passes: 20, rounds: 1, milliseconds: 900 } },
}
const PIECE = 64 * KiB
/** What is given to a call on a disk that fails, in milliseconds: one that takes longer does not end (mlock, for one). */
const PATIENCE = 3000
/** About what a tracer takes to start and to end, in milliseconds. */
const TRACING = 3000
/** That of most disks, in KiB, and those that are tried. */
const COMMON = 128
const READ_AHEADS = [0, 32, COMMON, 1024, 8192]

/** By their names in the native program. */
export const strategies = {
  none: 'nothing: the reader meets the pages as they are',
  'touch-between-awaits': 'touched by another task of the same thread',
  'touch-on-thread': 'touched by a native loop on another thread',
  'touch-other-mapping': 'touched on another thread, through a mapping of its own',
  'helper-process': 'touched by a helper process, where mincore misses pages',
  'dev-null': 'written to /dev/null on another thread',
  pipe: 'written to a pipe on another thread',
  willneed: 'MADV_WILLNEED',
  'populate-read': 'MADV_POPULATE_READ',
  'start-then-populate': 'I/O started in slices of the read-ahead, then MADV_POPULATE_READ',
  'map-populate': 'MAP_POPULATE',
  readahead: 'readahead(2)',
  mlock: 'mlock',
  prefetch: 'prefetch instructions 256 KiB ahead of the reader',
  'advise-normal': 'MADV_NORMAL',
  'advise-random': 'MADV_RANDOM',
  'advise-sequential': 'MADV_SEQUENTIAL',
}

/**
 * A disk of its own for the files, whose read-ahead is that of most, and another that fails in the middle of its file.
 * @param {import('../harness/cells.mjs').RunSize} size @param {AbortSignal} signal
 */
export async function makeDisks(size, signal) {
  const missing = cannot('loopDevices', ...COLD)
  if (missing) return { missing }
  const { file, pieces } = SIZES[size]
  const made = []
  const dispose = () => {
    for (const one of made) one.dispose()
  }
  const disk = async direct => {
    const one = loopDisk({ size: file + 2 * GiB, readAheadKiB: COMMON, direct })
    made.push(one)
    return { disk: one, path: await longFile(file, { signal, folder: one.mountPoint }) }
  }
  try {
    await needRoom(tmpdir(), 4 * file)
    const good = await disk(true)
    const bad = await disk(false)
    failAtEnd(bad.disk, bad.path, file / 2)
    const whole = [[0, file]]
    const scattered = Array.from({ length: pieces }, (_, piece) => [piece * MiB, PIECE])
    return {
      good: { ...good, device: good.disk.device },
      bad,
      whole: { ranges: whole, sums: await rangeSums(whole, signal) },
      scattered: { ranges: scattered, sums: await rangeSums(scattered, signal) },
      dispose,
    }
  } catch (error) {
    dispose()
    if (error.code !== 'ERR_NOT_RUNNABLE') throw error
    return { missing: error.message }
  }
}

/**
 * @param {import('../harness/cells.mjs').RunSize} size
 * @param {Partial<Awaited<ReturnType<typeof makeDisks>>>} [disks]
 * @param {string} [noNative]
 * @returns {import('../harness/trials.mjs').Work[]}
 */
export function prefaultWorks(size, disks = {}) {
  const { often, file, some = Object.keys(strategies), locks = some } = SIZES[size]
  const { good, bad, whole, scattered, noNative } = disks
  const missing = disks.missing ?? noNative
  const once = { ...often, passes: 1 }
  const all = Object.entries(strategies).map(([id, label]) => ({ id, label }))
  const few = all.filter(({ id }) => some.includes(id))
  const task = (strategy, asked, kib = COMMON) => ({
    strategy,
    path: good?.path,
    ...asked,
    readAhead: Math.max(kib, 4) * KiB,
  })
  const cold = good && { paths: [good.path], bytes: file, disk: good.device }
  const measured = (asked, kib) => way => ({
    ...way,
    ...often,
    native: 'prefault',
    task: task(way.strategy ?? way.id, asked, kib),
    cold,
    missing,
  })
  const work = (id, title, ways) => ({ id, title, unit: 'ms', value: sample => sample.milliseconds, ways })
  return [
    work('whole', `a file of ${file / MiB} MiB, all of it`, all.map(measured(whole))),
    work('scattered', 'a piece of 64 KiB in each MiB', few.map(measured(scattered))),
    work(
      'read-ahead',
      `a file of ${file / MiB} MiB, all of it, met by the reader as it is`,
      READ_AHEADS.map(kib => ({
        ...measured(whole, kib)({ id: String(kib), label: `read-ahead of ${kib} KiB`, strategy: 'none' }),
        fault: () => readAhead(good.device, kib),
      })),
    ),
    work(
      'locks',
      'mmap_lock',
      all
        .filter(({ id }) => locks.includes(id))
        .map(way => ({
          ...way,
          ...once,
          start: TRACING,
          run: () => locksOf(task(way.id, whole)),
          missing: missing ?? (good && cannot('root', 'tracefs', 'bpftrace')),
        })),
    ),
    work(
      'failing',
      'a disk that fails under the second half of the file',
      few.map(way => ({
        ...way,
        ...once,
        run: () => outcomeOf({ ...task(way.id, whole), path: bad.path }),
        missing,
      })),
    ),
  ]
}

/** How often the process takes the lock while it prefaults and reads. */
async function locksOf(task) {
  const program = new NativeProgram('prefault', nativeProgram, 'prefault', task)
  try {
    await program.answer('ready')
    await cool([task.path], 0)
    return await traced([program.pid], async mark => {
      mark()
      program.send({ kind: 'go' })
      await program.answer('sample')
      mark()
      await program.stop()
      return ({ sections }) => {
        const { writes, reads } = sections[1].total
        return [{ writes: writes.count, reads: reads.count }]
      }
    })
  } finally {
    await program.kill()
  }
}

/** What becomes of a process whose disk fails. */
async function outcomeOf(task) {
  evict(task.path)
  const program = new NativeProgram('prefault', nativeProgram, 'prefault', task)
  try {
    await program.answer('ready')
    program.send({ kind: 'go' })
    const { error, resident, pages } = await program.answer('sample', PATIENCE)
    await program.stop()
    return [{ outcome: error ?? 'no error', resident, pages }]
  } catch (error) {
    if (error.message.includes('no sample')) return [{ outcome: `no answer in ${PATIENCE / 1000} s` }]
    const [, signal] = error.message.match(/ended by (SIG\w+)/) ?? []
    if (signal === undefined) throw error
    return [{ outcome: `${signal}: the process is gone` }]
  } finally {
    await program.kill()
  }
}
