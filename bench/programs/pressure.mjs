// Random reads of one file, a few at once, each checked by its sum: what is left of each way when memory is short.
import { closeSync, openSync, readSync } from 'node:fs'
import { open as openHandle } from 'node:fs/promises'
import { createHistogram } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { KiB, MiB } from '../harness/cells.mjs'
import { bytesAt } from '../harness/files.mjs'
import { seededRandom } from '../harness/random.mjs'
import { summer } from '../harness/sums.mjs'
import { watchDelay } from './delay.mjs'
import { mapNaively, openMapped } from './peers.mjs'

/** Reads asked for at once. */
const AT_ONCE = 8
const PAGE = 4 * KiB
/** Pages touched between two turns of the loop. */
const TOUCHES_PER_TURN = 16

/**
 * What a way has open; `read` gives the bytes at each of the offsets.
 * @typedef {{ read: (offsets: number[]) => Promise<Uint8Array[]>, close: () => any }} Source
 * @type {Record<string, { label: string, open: (file: { path: string, size: number, length: number }) => Promise<Source> }>}
 */
export const pressureWays = {
  mmap: {
    label: 'Node: indexing a mapped Buffer',
    async open({ path, size, length }) {
      const { mapped, close } = await mapNaively(path, size)
      return {
        async read(offsets) {
          await turn()
          return offsets.map(offset => mapped.subarray(offset, offset + length))
        },
        close,
      }
    },
  },
  readSync: {
    label: 'Node: fs.readSync',
    async open({ path, length }) {
      const descriptor = openSync(path)
      const targets = buffers(length)
      return {
        async read(offsets) {
          await turn()
          for (const [index, offset] of offsets.entries()) readSync(descriptor, targets[index], 0, length, offset)
          return targets
        },
        close: () => closeSync(descriptor),
      }
    },
  },
  'FileHandle.read': {
    label: 'Node: FileHandle.read, 8 at once',
    async open({ path, length }) {
      const handle = await openHandle(path)
      const targets = buffers(length)
      return {
        async read(offsets) {
          await Promise.all(offsets.map((offset, index) => handle.read(targets[index], 0, length, offset)))
          return targets
        },
        close: () => handle.close(),
      }
    },
  },
  readInto: {
    label: 'faultless readInto, 8 at once',
    async open({ path, length }) {
      const file = await openMapped(path)
      const targets = buffers(length)
      return {
        async read(offsets) {
          await Promise.all(offsets.map((offset, index) => file.readInto(targets[index], offset)))
          return targets
        },
        close: () => file.close(),
      }
    },
  },
  readMany: {
    label: 'faultless readMany of 8',
    async open({ path, length }) {
      const file = await openMapped(path)
      return {
        read: offsets => file.readMany(offsets.map(offset => ({ offset, length }))),
        close: () => file.close(),
      }
    },
  },
  view: {
    label: 'faultless view, 8 at once',
    async open({ path, length }) {
      const file = await openMapped(path)
      return {
        read: offsets => Promise.all(offsets.map(offset => file.view(offset, length))),
        close: () => file.close(),
      }
    },
  },
}

const buffers = length => Array.from({ length: AT_ONCE }, () => Buffer.alloc(length))

/**
 * @param {{ peer: string, path: string, size: number, length: number, sums: number[] }} task `sums`: of each record
 * @returns {Promise<import('./works.mjs').Work>}
 */
export async function pressure({ peer, path, size, length, sums }) {
  const source = await pressureWays[peer].open({ path, size, length })
  await readThrough(path)
  const random = seededRandom(1)
  async function readFor(milliseconds) {
    const end = performance.now() + milliseconds
    let reads = 0
    while (performance.now() < end) {
      const records = Array.from({ length: AT_ONCE }, () => Math.floor(random() * sums.length))
      const answers = await source.read(records.map(record => record * length))
      for (const [index, bytes] of answers.entries()) verify(bytes, records[index])
      reads += answers.length
    }
    return reads
  }
  function verify(bytes, record) {
    const { total, consume } = summer(Number.POSITIVE_INFINITY)
    consume(bytes)
    if (bytes.length !== length || total() !== sums[record])
      throw new Error(`wrong answer: record ${record} of ${path}`)
  }
  return {
    async measure({ milliseconds, warmup }) {
      await readFor(warmup)
      const before = process.resourceUsage()
      const unwatch = watchDelay()
      const begun = performance.now()
      const reads = await readFor(milliseconds)
      const took = performance.now() - begun
      const { delay } = unwatch()
      const majorFaults = process.resourceUsage().majorPageFault - before.majorPageFault
      return { reads, rate: (1000 * reads) / took, majorFaults, delay }
    },
    close: () => source.close(),
  }
}

/** What has the whole file as one Buffer of mapped bytes. */
const mappedWhole = {
  mmap: mapNaively,
  async view(path, size) {
    const file = await openMapped(path)
    return { mapped: await file.view(0, size), close: () => file.close() }
  },
}

/**
 * One byte of a random page after the other: how long the JS thread stands still for each.
 * @param {{ peer: string, path: string, size: number }} task
 * @returns {Promise<import('./works.mjs').Work>}
 */
export async function touches({ peer, path, size }) {
  const { mapped, close } = await mappedWhole[peer](path, size)
  const random = seededRandom(1)
  async function touchFor(milliseconds) {
    const histogram = createHistogram()
    const end = performance.now() + milliseconds
    while (performance.now() < end) {
      for (let touch = 0; touch < TOUCHES_PER_TURN; touch += 1) {
        const offset = Math.floor(random() * (size / PAGE)) * PAGE
        const begun = process.hrtime.bigint()
        const byte = mapped[offset]
        histogram.record(process.hrtime.bigint() - begun)
        // Made anew for each: what all of them must be takes memory that the cgroup does not have.
        if (byte !== bytesAt(offset, 1)[0]) throw new Error(`wrong answer: byte ${offset} of ${path}`)
      }
      await turn()
    }
    return histogram
  }
  return {
    async measure({ milliseconds, warmup }) {
      await touchFor(warmup)
      const before = process.resourceUsage()
      const histogram = await touchFor(milliseconds)
      const majorFaults = process.resourceUsage().majorPageFault - before.majorPageFault
      return { ...percentiles(histogram), reads: histogram.count, majorFaults }
    },
    close,
  }
}

/** In milliseconds. @param {import('node:perf_hooks').RecordableHistogram} histogram of nanoseconds */
export const percentiles = histogram => ({
  p50: histogram.percentile(50) / 1e6,
  p99: histogram.percentile(99) / 1e6,
  max: histogram.max / 1e6,
})

/** As much of it is in the page cache then as fits. @param {string} path */
async function readThrough(path) {
  const handle = await openHandle(path)
  const scratch = Buffer.alloc(MiB)
  while ((await handle.read(scratch)).bytesRead > 0);
  await handle.close()
}
