// The ways to read that are compared, by name: each offers the kinds of work that it can do.
import { read as callbackRead, closeSync, createReadStream, openAsBlob, openSync, readSync } from 'node:fs'
import { open as openHandle, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MiB } from '../harness/cells.mjs'
import { dataFolder } from '../harness/files.mjs'
import { loadPeer } from '../harness/peers.mjs'

/**
 * One read at a time, over and over: `start` begins it, `take` turns its answer into the bytes. `target`: memory that is
 * used again, so that it could still hold the right bytes from before.
 * @typedef {{
 *   start: (offset: number, done?: (error: Error | null, answer: any) => void) => any,
 *   take: (answer: any) => Uint8Array, target?: Buffer
 * }} Lane
 *
 * What a way has open. `warm` does what brings a file from the page cache to where this way finds it fastest.
 * @typedef {{ lane: () => Lane, warm?: () => any, close: () => any }} Ranges
 * @typedef {{ start: (batch: number) => any, part: (answer: any, index: number) => Uint8Array, target?: Buffer, close: () => any }} Batches
 * @typedef {{ run: (consume: (bytes: Uint8Array) => void | Promise<void>) => Promise<void>, close: () => any }} Sequence
 * Of streams and of chunks, `consume` sets the pace: it is awaited.
 *
 * @typedef {{ read: (path: string) => Promise<Uint8Array>, letGo: () => void }} Files `letGo` of what is kept of them
 *
 * @typedef {{
 *   label: string, style: 'promise' | 'callback' | 'sync', package?: string,
 *   ranges?: (file: { path: string, size: number, length: number }) => Ranges | Promise<Ranges>,
 *   batches?: (file: { path: string, length: number, batches: number[][] }) => Batches | Promise<Batches>,
 *   sequence?: (files: { paths: string[] }) => Sequence | Promise<Sequence>,
 *   files?: () => Files | Promise<Files>
 * }} Peer
 */

/** What others are given of a file at a time when they read it in order. */
const STEP = MiB
/** As many ranges are asked for together where a step is read as several. */
const RANGES = 16

/** Every page of it touched, so that none is met for the first time while the time runs. */
const memory = length => Buffer.alloc(length, 1)
const cut = (bytes, length) => (length === bytes.length ? bytes : bytes.subarray(0, length))
const record = (target, length, index) => target.subarray(index * length, (index + 1) * length)

/** @type {Record<string, Peer>} */
export const peers = {
  'FileHandle.read': {
    label: 'FileHandle.read into a buffer',
    style: 'promise',
    async ranges({ path, length }) {
      const handle = await openHandle(path)
      return {
        lane() {
          const target = memory(length)
          return {
            target,
            start: offset => handle.read(target, 0, length, offset),
            take: ({ bytesRead }) => cut(target, bytesRead),
          }
        },
        close: () => handle.close(),
      }
    },
    async batches({ path, length, batches }) {
      const handle = await openHandle(path)
      const target = memory(length * batches[0].length)
      return {
        target,
        start: batch =>
          Promise.all(batches[batch].map((offset, index) => handle.read(target, index * length, length, offset))),
        part: (answer, index) => cut(record(target, length, index), answer[index].bytesRead),
        close: () => handle.close(),
      }
    },
    async sequence({ paths }) {
      const handles = await Promise.all(paths.map(path => openHandle(path)))
      const target = memory(STEP)
      return {
        async run(consume) {
          for (const handle of handles) {
            let position = 0
            for (;;) {
              const { bytesRead } = await handle.read(target, 0, STEP, position)
              if (bytesRead === 0) break
              consume(cut(target, bytesRead))
              position += bytesRead
            }
          }
        },
        close: () => Promise.all(handles.map(handle => handle.close())),
      }
    },
  },
  'FileHandle.read, fresh': {
    label: 'FileHandle.read into a new Buffer.allocUnsafe each time',
    style: 'promise',
    async ranges({ path, length }) {
      const handle = await openHandle(path)
      const lane = () => ({
        start: offset => handle.read(Buffer.allocUnsafe(length), 0, length, offset),
        take: ({ buffer, bytesRead }) => cut(buffer, bytesRead),
      })
      return { lane, close: () => handle.close() }
    },
  },
  'fs.read': {
    label: 'fs.read with a callback, into a buffer',
    style: 'callback',
    ranges({ path, length }) {
      const descriptor = openSync(path)
      return {
        lane() {
          const target = memory(length)
          return {
            target,
            start: (offset, done) => callbackRead(descriptor, target, 0, length, offset, done),
            take: bytesRead => cut(target, bytesRead),
          }
        },
        close: () => closeSync(descriptor),
      }
    },
    batches({ path, length, batches }) {
      const descriptor = openSync(path)
      const target = memory(length * batches[0].length)
      return {
        target,
        start: batch =>
          new Promise((resolve, reject) => {
            const answer = []
            const offsets = batches[batch]
            let open = offsets.length
            offsets.forEach((offset, index) => {
              callbackRead(descriptor, target, index * length, length, offset, (error, bytesRead) => {
                if (error) return reject(error)
                answer[index] = bytesRead
                open -= 1
                if (open === 0) resolve(answer)
              })
            })
          }),
        part: (answer, index) => cut(record(target, length, index), answer[index]),
        close: () => closeSync(descriptor),
      }
    },
  },
  'fs.readSync': {
    label: 'fs.readSync into a buffer',
    style: 'sync',
    ranges({ path, length }) {
      const descriptor = openSync(path)
      return {
        lane() {
          const target = memory(length)
          return {
            target,
            start: offset => readSync(descriptor, target, 0, length, offset),
            take: bytesRead => cut(target, bytesRead),
          }
        },
        close: () => closeSync(descriptor),
      }
    },
  },
  openAsBlob: {
    label: 'fs.openAsBlob().slice().arrayBuffer()',
    style: 'promise',
    async ranges({ path, length }) {
      const blob = await openAsBlob(path)
      const lane = () => ({
        start: offset => blob.slice(offset, offset + length).arrayBuffer(),
        take: buffer => new Uint8Array(buffer),
      })
      return { lane, close() {} }
    },
  },
  'open, read, close': {
    label: 'fs.promises: open, read into a buffer, close',
    style: 'promise',
    ranges({ path, length }) {
      return {
        lane() {
          const target = memory(length)
          return {
            target,
            async start(offset) {
              const handle = await openHandle(path)
              try {
                return await handle.read(target, 0, length, offset)
              } finally {
                await handle.close()
              }
            },
            take: ({ bytesRead }) => cut(target, bytesRead),
          }
        },
        close() {},
      }
    },
  },
  readFile: {
    label: 'fs.promises.readFile of the whole file',
    style: 'promise',
    ranges: ({ path }) => ({ lane: () => ({ start: () => readFile(path), take: bytes => bytes }), close() {} }),
    sequence: ({ paths }) => ({
      async run(consume) {
        for (const path of paths) consume(await readFile(path))
      },
      close() {},
    }),
    files: () => ({ read: path => readFile(path), letGo() {} }),
  },
  createReadStream: {
    label: 'fs.createReadStream',
    style: 'promise',
    ranges({ path, length }) {
      const lane = () => ({
        async start(offset) {
          const parts = []
          const options = { start: offset, end: offset + length - 1, highWaterMark: length }
          for await (const part of createReadStream(path, options)) parts.push(part)
          return parts
        },
        take: parts => (parts.length === 1 ? parts[0] : Buffer.concat(parts)),
      })
      return { lane, close() {} }
    },
    sequence: ({ paths }) => ({
      async run(consume) {
        for (const path of paths) {
          for await (const bytes of createReadStream(path, { highWaterMark: STEP })) await consume(bytes)
        }
      },
      close() {},
    }),
  },
  'mmap-io': {
    label: '@riaskov/mmap-io, copied into a buffer',
    style: 'sync',
    package: '@riaskov/mmap-io',
    async ranges({ path, size, length }) {
      const { mapped, warm, close } = await mapWhole(path, size)
      return {
        lane() {
          const target = memory(length)
          return {
            target,
            start: offset => mapped.copy(target, 0, offset, offset + length),
            take: copied => cut(target, copied),
          }
        },
        warm,
        close,
      }
    },
  },
  'mmap-io, in place': {
    label: '@riaskov/mmap-io, the mapped bytes themselves',
    style: 'sync',
    package: '@riaskov/mmap-io',
    async ranges({ path, size, length }) {
      const { mapped, warm, close } = await mapWhole(path, size)
      const lane = () => ({ start: offset => mapped.subarray(offset, offset + length), take: bytes => bytes })
      return { lane, warm, close }
    },
  },
  lmdb: {
    label: 'lmdb getBinaryFast of a record by its number',
    style: 'sync',
    package: 'lmdb',
    async ranges({ path, size, length }) {
      const database = await openRecords(path, size, length)
      const lane = () => ({ start: offset => database.getBinaryFast(offset / length), take: bytes => bytes })
      return { lane, close: () => database.close() }
    },
  },
  read: {
    label: 'faultless read',
    style: 'promise',
    async ranges({ path, length }) {
      const file = await openMapped(path)
      const lane = () => ({ start: offset => file.read(offset, length), take: bytes => bytes })
      return { lane, warm: () => file.prefault(), close: () => file.close() }
    },
    async batches({ path, length, batches }) {
      const file = await openMapped(path)
      return {
        start: batch => Promise.all(batches[batch].map(offset => file.read(offset, length))),
        part: (answer, index) => answer[index],
        close: () => file.close(),
      }
    },
  },
  readInto: {
    label: 'faultless readInto',
    style: 'promise',
    async ranges({ path, length }) {
      const file = await openMapped(path)
      return {
        lane() {
          const target = memory(length)
          return {
            target,
            start: offset => file.readInto(target, offset),
            take: written => cut(target, written),
          }
        },
        warm: () => file.prefault(),
        close: () => file.close(),
      }
    },
    sequence: inSteps(() => {
      const target = memory(STEP)
      return async (file, offset, consume) => consume(cut(target, await file.readInto(target, offset)))
    }),
  },
  'readInto, on the pool': {
    label: 'faultless readInto, on the pool',
    style: 'promise',
    ranges(task) {
      // Read when the package is loaded, which only this process does.
      process.env.FAULTLESS_INLINE = 'off'
      return peers.readInto.ranges(task)
    },
  },
  'read, results from jemalloc': {
    label: 'faultless read, results from jemalloc',
    style: 'promise',
    ranges(task) {
      process.env.FAULTLESS_ALLOCATOR = 'jemalloc'
      return peers.read.ranges(task)
    },
  },
  tryReadInto: {
    label: 'faultless tryReadInto',
    style: 'sync',
    async ranges({ path, length }) {
      const file = await openMapped(path)
      return {
        lane() {
          const target = memory(length)
          return {
            target,
            start: offset => file.tryReadInto(target, offset),
            take: written => cut(target, written),
          }
        },
        warm: () => file.prefault(),
        close: () => file.close(),
      }
    },
  },
  readMany: {
    label: 'faultless readMany',
    style: 'promise',
    async batches({ path, length, batches }) {
      const file = await openMapped(path)
      const ranges = batches.map(offsets => offsets.map(offset => ({ offset, length })))
      return {
        start: batch => file.readMany(ranges[batch]),
        part: (answer, index) => answer[index],
        close: () => file.close(),
      }
    },
    sequence: inSteps(() => async (file, offset, consume) => {
      const length = STEP / RANGES
      const ranges = Array.from({ length: RANGES }, (_, index) => ({ offset: offset + index * length, length }))
      for (const bytes of await file.readMany(ranges)) consume(bytes)
    }),
  },
  readManyInto: {
    label: 'faultless readManyInto',
    style: 'promise',
    async batches({ path, length, batches }) {
      const file = await openMapped(path)
      const target = memory(length * batches[0].length)
      const offsets = batches.map(batch => Float64Array.from(batch))
      return {
        target,
        start: batch => file.readManyInto(target, offsets[batch], length),
        part: (answer, index) => record(cut(target, answer), length, index),
        close: () => file.close(),
      }
    },
  },
  view: {
    label: 'faultless view',
    style: 'promise',
    async ranges({ path, size, length }) {
      const file = await openMapped(path)
      return {
        lane: () => ({ start: offset => file.view(offset, length), take: bytes => bytes }),
        warm: () => file.view(0, size),
        close: () => file.close(),
      }
    },
  },
  chunks: {
    label: 'faultless chunks',
    style: 'promise',
    async sequence({ paths }) {
      const files = await Promise.all(paths.map(openMapped))
      return {
        async run(consume) {
          for (const file of files) for await (const bytes of file.chunks()) await consume(bytes)
        },
        close: () => Promise.all(files.map(file => file.close())),
      }
    },
  },
  'createReadStream, ours': {
    label: 'faultless open and createReadStream',
    style: 'promise',
    async sequence({ paths }) {
      // Loading the package is not part of what is timed, opening is: a stream of Node's opens its file, too.
      const { MappedFile } = await import('faultless')
      return {
        async run(consume) {
          for (const path of paths) {
            const file = await MappedFile.open(path)
            for await (const bytes of file.createReadStream({ highWaterMark: STEP })) consume(bytes)
            await file.close()
          }
        },
        close() {},
      }
    },
  },
  mmapRead: {
    label: 'faultless mmapRead by path',
    style: 'promise',
    async ranges({ path, size, length }) {
      const { mmapRead } = await import('faultless')
      return {
        lane: () => ({ start: offset => mmapRead(path, offset, length), take: bytes => bytes }),
        async warm() {
          for (let offset = 0; offset < size; offset += MiB) await mmapRead(path, offset, MiB)
        },
        close: () => mmapRead.release(path),
      }
    },
    async files() {
      const { mmapRead } = await import('faultless')
      return { read: path => mmapRead(path), letGo: () => mmapRead.release() }
    },
  },
}

/**
 * Files that are open, read in order by steps of ours.
 * @param {() => (file: any, offset: number, consume: (bytes: Uint8Array) => void) => Promise<void>} makeStep
 * @returns {Peer['sequence']}
 */
function inSteps(makeStep) {
  return async ({ paths }) => {
    const files = await Promise.all(paths.map(openMapped))
    const step = makeStep()
    return {
      async run(consume) {
        for (const file of files) {
          for (let offset = 0; offset < file.byteLength; offset += STEP) await step(file, offset, consume)
        }
      },
      close: () => Promise.all(files.map(file => file.close())),
    }
  }
}

/** Loaded only by those who use it, so that the others measure a Node without the addon. @param {string} path */
export async function openMapped(path) {
  const { MappedFile } = await import('faultless')
  return MappedFile.open(path)
}

/** @param {string} path @param {number} size */
async function mapWhole(path, size) {
  const { default: io = loadPeer('@riaskov/mmap-io') } = loadPeer('@riaskov/mmap-io')
  const descriptor = openSync(path)
  const mapped = io.map(size, io.PROT_READ, io.MAP_SHARED, descriptor, 0, io.MADV_NORMAL)
  return {
    mapped,
    warm() {
      for (let offset = 0; offset < size; offset += 4096) mapped.readUInt8(offset)
    },
    close: () => closeSync(descriptor),
  }
}

/**
 * A mapped Buffer of which nothing was faulted in: the peer's, or, where that does not build, one of our own that only
 * measurements can have.
 * @param {string} path @param {number} size
 */
export async function mapNaively(path, size) {
  try {
    return await mapWhole(path, size)
  } catch (error) {
    if (error.code !== 'ERR_NOT_RUNNABLE') throw error
    const { unpopulatedWindow } = await import('#binding')
    return { mapped: Buffer.from(unpopulatedWindow(Buffer.from(path))), close() {} }
  }
}

/** The file's records in a database of their own, by their number; filled once and kept. */
async function openRecords(path, size, length) {
  const { open } = loadPeer('lmdb')
  const database = open({
    path: join(dataFolder(), `${size}.${length}.lmdb`),
    encoding: 'binary',
    keyEncoding: 'uint32',
  })
  const records = size / length
  if (database.getCount() === records) return database
  const handle = await openHandle(path)
  for (let number = 0; number < records; number += 1) {
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, number * length)
    database.put(number, buffer)
  }
  await handle.close()
  await database.flushed
  return database
}
