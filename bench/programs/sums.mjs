// Ways to sum up every 512th byte of several files in Node: asynchronously on one thread, with a worker thread for each, or
// one after the other; mapped, conventionally, and with ours.
import { closeSync, openSync, readSync } from 'node:fs'
import { open as openHandle } from 'node:fs/promises'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { MiB } from '../harness/cells.mjs'
import { summer } from '../harness/sums.mjs'
import { watchDelay } from './delay.mjs'
import { mapNaively, openMapped } from './peers.mjs'

/** Bytes of a read, and of a mapping between two turns of the loop. */
const STEP = MiB
/** Ranges of one readMany, and the bytes of each. */
const RANGES = { count: 4, length: MiB / 4 }
/** How long nothing is done, in milliseconds. */
const IDLE = 1000

const WORKER = new URL('./sums-worker.mjs', import.meta.url)

/**
 * What a way has open for all files; `sumAll` answers with their sums, or with nothing where it reads nothing.
 * @typedef {{ sumAll: () => Promise<number[] | undefined>, close: () => any }} Source
 * @type {Record<string, { label: string, open: (paths: string[], size: number) => Promise<Source> }>}
 */
export const sumWays = {
  'mmap async': {
    label: 'Node, async: indexing a mapped Buffer, a turn of the loop after each MiB',
    open: mapped(maps => Promise.all(maps.map(sumInTurns))),
  },
  'read async': {
    label: 'Node, async: FileHandle.read, all files at once',
    open: withHandles(handles => Promise.all(handles.map(sumHandle))),
  },
  'mmap threads': { label: 'Node, 8 worker threads: indexing a mapped Buffer', open: workers('mmap') },
  'read threads': { label: 'Node, 8 worker threads: fs.readSync', open: workers('read') },
  'mmap one': { label: 'Node, 1 thread: indexing a mapped Buffer', open: mapped(async maps => maps.map(sumMapped)) },
  'read one': {
    label: 'Node, 1 thread: fs.readSync',
    async open(paths) {
      const descriptors = paths.map(path => openSync(path))
      return { sumAll: async () => descriptors.map(sumDescriptor), close: () => descriptors.map(closeSync) }
    },
  },
  chunks: { label: 'faultless chunks, one file after the other', open: ours(inOrder(sumChunks)) },
  'chunks async': { label: 'faultless chunks, all files at once', open: ours(atOnce(sumChunks)) },
  'chunks shared': {
    label: 'faultless chunks({ shared: true }), one file after the other',
    open: ours(inOrder(sumSharedChunks)),
  },
  readInto: { label: 'faultless readInto, all files at once', open: ours(atOnce(sumReadInto)) },
  readMany: { label: 'faultless readMany, all files at once', open: ours(atOnce(sumReadMany)) },
  idle: {
    label: 'Node, doing nothing for a second',
    open: async () => ({ sumAll: () => sleep(IDLE), close() {} }),
  },
}

/**
 * @param {{ peer: string, paths: string[], sums: number[], size: number, warm: boolean, course: boolean }} task `course`: whether
 *   a sample says how late timers were in the course of time
 * @returns {Promise<import('./works.mjs').Work>}
 */
export async function sums({ peer, paths, sums, size, warm, course }) {
  const source = await sumWays[peer].open(paths, size)
  if (warm) await source.sumAll()
  return {
    async measure() {
      const before = process.resourceUsage()
      const unwatch = watchDelay()
      const begun = performance.now()
      const found = await source.sumAll()
      const took = performance.now() - begun
      const watched = unwatch()
      const after = process.resourceUsage()
      if (found && found.join() !== sums.join()) {
        throw new Error(`wrong answer: the sums over ${paths.length} files are ${found}, not ${sums}`)
      }
      return {
        milliseconds: took,
        rate: (1000 * paths.length * size) / took,
        userMs: (after.userCPUTime - before.userCPUTime) / 1000,
        systemMs: (after.systemCPUTime - before.systemCPUTime) / 1000,
        minorFaults: after.minorPageFault - before.minorPageFault,
        majorFaults: after.majorPageFault - before.majorPageFault,
        delay: watched.delay,
        ...(course && { course: watched.course }),
      }
    },
    close: () => source.close(),
  }
}

function mapped(sumAll) {
  return async (paths, size) => {
    const maps = await Promise.all(paths.map(path => mapNaively(path, size)))
    const bytes = maps.map(({ mapped }) => mapped)
    return { sumAll: () => sumAll(bytes), close: () => maps.map(({ close }) => close()) }
  }
}

function withHandles(sumAll) {
  return async paths => {
    const handles = await Promise.all(paths.map(path => openHandle(path)))
    return { sumAll: () => sumAll(handles), close: () => Promise.all(handles.map(handle => handle.close())) }
  }
}

function ours(sumAll) {
  return async paths => {
    const files = await Promise.all(paths.map(openMapped))
    return { sumAll: () => sumAll(files), close: () => Promise.all(files.map(file => file.close())) }
  }
}

/** A thread for each file, which has opened it before the time runs. @param {'mmap' | 'read'} io */
function workers(io) {
  return async (paths, size) => {
    const threads = await Promise.all(
      paths.map(async path => {
        const worker = new Worker(WORKER, { workerData: { io, path, size } })
        await answerOf(worker)
        return worker
      }),
    )
    const sumOne = worker => {
      worker.postMessage('sum')
      return answerOf(worker)
    }
    return {
      sumAll: () => Promise.all(threads.map(sumOne)),
      close: () => threads.map(worker => worker.postMessage('close')),
    }
  }
}

/** @param {Worker} worker */
function answerOf(worker) {
  return new Promise((resolve, reject) => {
    worker.once('message', answer => {
      worker.off('error', reject)
      resolve(answer)
    })
    worker.once('error', reject)
  })
}

function inOrder(sumOne) {
  return async files => {
    const found = []
    for (const file of files) found.push(await sumOne(file))
    return found
  }
}

function atOnce(sumOne) {
  return files => Promise.all(files.map(file => sumOne(file)))
}

/** @param {Uint8Array} bytes */
export function sumMapped(bytes) {
  const { sums, consume } = summer(bytes.length)
  consume(bytes)
  return sums[0]
}

async function sumInTurns(bytes) {
  const { sums, consume } = summer(bytes.length)
  for (let offset = 0; offset < bytes.length; offset += STEP) {
    consume(bytes.subarray(offset, offset + STEP))
    await turn()
  }
  return sums[0]
}

/** @param {number} descriptor */
export function sumDescriptor(descriptor) {
  const target = Buffer.alloc(STEP)
  const { total, consume } = summer(Number.POSITIVE_INFINITY)
  for (let position = 0; ; ) {
    const count = readSync(descriptor, target, 0, STEP, position)
    if (count === 0) return total()
    consume(target.subarray(0, count))
    position += count
  }
}

async function sumHandle(handle) {
  const target = Buffer.alloc(STEP)
  const { total, consume } = summer(Number.POSITIVE_INFINITY)
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(target, 0, STEP, position)
    if (bytesRead === 0) return total()
    consume(target.subarray(0, bytesRead))
    position += bytesRead
  }
}

async function sumChunks(file, options) {
  const { sums, consume } = summer(file.byteLength)
  for await (const chunk of file.chunks(options)) consume(chunk)
  return sums[0]
}

function sumSharedChunks(file) {
  return sumChunks(file, { shared: true })
}

async function sumReadInto(file) {
  const target = Buffer.alloc(STEP)
  const { sums, consume } = summer(file.byteLength)
  for (let position = 0; position < file.byteLength; position += STEP) {
    consume(target.subarray(0, await file.readInto(target, position)))
  }
  return sums[0]
}

async function sumReadMany(file) {
  const { sums, consume } = summer(file.byteLength)
  for (let position = 0; position < file.byteLength; position += RANGES.count * RANGES.length) {
    const ranges = Array.from({ length: RANGES.count }, (_, index) => ({
      offset: position + index * RANGES.length,
      length: RANGES.length,
    }))
    for (const bytes of await file.readMany(ranges)) consume(bytes)
  }
  return sums[0]
}
