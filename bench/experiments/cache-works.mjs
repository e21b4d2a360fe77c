// The works of the experiments `cache` and `slow-disk`: which ways to sum up files are measured, cold and warm.

import { capabilities } from 'faultless'
import { cannot, readAhead } from '../../__test__/helpers/fault-rig.mjs'
import { cool, diskUnder } from '../harness/caches.mjs'
import { fioInOrder } from '../harness/fio.mjs'
import { summedFiles } from '../harness/sums.mjs'
import { sumWays } from '../programs/sums.mjs'

/** Needed to see a file cold. */
export const COLD = ['dropCaches', 'residentPages']
/** The ways of which a sample says how late timers were in the course of time: those that the picture shows. */
const IN_THE_PICTURE = ['mmap async', 'chunks', 'idle']

/** @type {{ id: string, label: string, task: object }[]} */
const native = [
  ['async', 'Rust, async (tokio, 1 thread)'],
  ['threads', 'Rust, 8 threads'],
  ['one', 'Rust, 1 thread'],
].flatMap(([concurrency, spoken]) =>
  [
    ['mmap', 'a mapping'],
    ['read', 'read'],
  ].map(([io, how]) => ({
    id: `native ${io} ${concurrency}`,
    label: `${spoken}: ${how}`,
    native: 'sums',
    task: { concurrency, io },
  })),
)

const node = Object.entries(sumWays).map(([id, { label }]) => ({ id, label, task: { kind: 'sums', peer: id } }))

export const conventional = ['read async', 'read threads', 'read one']
export const nativeConventional = conventional.map(id => `native ${id}`)
export const ours = ['chunks', 'readInto', 'readMany']
/** Of which Node has no SharedArrayBuffers over mapped memory, this cannot be measured. */
export const SHARED_CHUNKS = 'chunks shared'
const noSharedViews = capabilities().sharedViews
  ? undefined
  : `Node ${process.version} has no SharedArrayBuffers over external memory`

/** What most disks have, in KiB. */
const COMMON = 128

/**
 * Of files that are cold; with `common`, on a disk that has the read-ahead of most.
 * @param {string} id
 * @param {{
 *   files?: { paths: string[], sums: number[], size: number, disk?: string }, missing?: string, noNative?: string,
 *   fault?: import('../harness/trials.mjs').Way['fault']
 * }} on
 * @param {{ passes: number, rounds: number, milliseconds: number }} often `milliseconds`: about what one takes, cold
 * @param {string[]} [only] the ways that are measured; all of them where it is left out
 * @returns {import('../harness/trials.mjs').Work}
 */
export function coldWork(id, { files, missing, noNative, fault }, often, only) {
  const cold = files && { paths: files.paths, bytes: files.paths.length * files.size, disk: files.disk }
  const common = id === 'common'
  const noDisk =
    files && common && files.disk === undefined ? 'the file system is on no block device of its own' : undefined
  const reason = missing ?? noDisk ?? cannotOn(files, ...COLD, ...(common ? ['readAhead'] : []))
  const title = common ? `cold, with a read-ahead of ${COMMON} KiB` : 'cold'
  return work(
    id,
    title,
    { files, noNative, reason },
    often,
    way => ({
      task: { ...way.task, ...bare(files), warm: false, course: IN_THE_PICTURE.includes(way.id) },
      cold: way.id === 'idle' ? undefined : cold,
      fault: common ? () => readAhead(files.disk, COMMON) : fault,
    }),
    only,
  )
}

/** What a disk gives to a program that asks for nothing else. */
export function limit({ files, missing }, often) {
  return {
    id: 'fio',
    label: 'fio, libaio, direct, 1 MiB, queue depth 8',
    ...often,
    async run() {
      await cool(files.paths, files.paths.length * files.size)
      return [await fioInOrder(files)]
    },
    missing: missing ?? cannotOn(files, ...COLD, 'fio'),
  }
}

/**
 * `anew`: in the page cache, and mapped or opened by a process that has not touched it yet; `warm`: summed up by the same
 * process before.
 */
export function warmWork(id, { files, missing, noNative }, often) {
  const title = id === 'anew' ? 'in the page cache, newly opened' : 'warm, summed up by the same process before'
  return work(id, title, { files, noNative, reason: missing }, often, way => ({
    task: { ...way.task, ...bare(files), warm: id === 'warm' },
  }))
}

function work(id, title, { files, noNative, reason }, often, of, only) {
  const count = files ? `${files.paths.length} files of ${files.size / 2 ** 20} MiB` : 'the files'
  return {
    id,
    title: `${title}: the sum of every 512th byte of ${count}`,
    unit: 'bytes/s',
    value: sample => sample.rate,
    ways: [...native, ...node]
      .filter(way => only?.includes(way.id) ?? true)
      .map(way => ({
        ...way,
        ...often,
        ...of(way),
        missing: reason ?? (way.native && noNative) ?? (way.id === SHARED_CHUNKS ? noSharedViews : undefined),
      })),
  }
}

/** What a program is told of the files. */
const bare = files => files && { paths: files.paths, sums: files.sums, size: files.size }
/** Looked into only when something is to be run. */
const cannotOn = (files, ...names) => (files ? cannot(...names) : undefined)

/**
 * The files and their disk, or why they cannot be made.
 * @param {Parameters<typeof summedFiles>[0]} sequence @param {AbortSignal} signal
 */
export async function filesToSum(sequence, signal) {
  try {
    const files = await summedFiles(sequence, { signal })
    return { files: { ...files, disk: diskUnder(files.paths[0]) } }
  } catch (error) {
    if (error.code !== 'ERR_NOT_RUNNABLE') throw error
    return { missing: error.message }
  }
}
