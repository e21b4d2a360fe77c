// The ways to read a whole file that are compared, by name, and the jobs that do something else with its bytes.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { jobs } from './jobs.mjs'

/**
 * `once` reads the file and answers with its bytes, or with a promise of them where the reader is not `synchronous`.
 * @typedef {{ once: () => Buffer | Promise<Buffer>, close?: () => void | Promise<void> }} Source
 *
 * `lanes`: how many reads one member keeps under way. `shared`: the bytes are the mapping itself, not to be written to.
 * `expect`: what its answers are held against, where that is not the file.
 * @typedef {{
 *   label: string, synchronous?: boolean, lanes: number, shared?: boolean,
 *   expect?: (bytes: Buffer) => import('./answers.mjs').Expected,
 *   setup: (path: string, size: number) => Source | Promise<Source>
 * }} Reader
 */

/** What is read in parts has so many of them. */
const PARTS = 16

/** @type {Record<string, Reader>} */
export const readers = {
  ...jobs,
  readFileSync: {
    label: 'fs.readFileSync',
    synchronous: true,
    lanes: 1,
    setup: path => ({ once: () => readFileSync(path) }),
  },
  readSync: {
    label: 'fs.openSync, readSync into one buffer, closeSync',
    synchronous: true,
    lanes: 1,
    setup(path, size) {
      const target = Buffer.alloc(size)
      return {
        once() {
          const descriptor = openSync(path)
          const read = readSync(descriptor, target)
          closeSync(descriptor)
          return read === size ? target : target.subarray(0, read)
        },
      }
    },
  },
  'readFile-1': {
    label: 'fs.promises.readFile, 1 at a time',
    lanes: 1,
    setup: path => ({ once: () => readFile(path) }),
  },
  'readFile-8': {
    label: 'fs.promises.readFile, 8 at a time',
    lanes: 8,
    setup: path => ({ once: () => readFile(path) }),
  },
  mmapRead: {
    label: 'faultless mmapRead, 1 at a time',
    lanes: 1,
    async setup(path, size) {
      const { mmapRead } = await import('faultless')
      return { once: () => mmapRead(path, 0, size), close: () => mmapRead.release(path) }
    },
  },
  readInto: {
    label: 'faultless readInto one buffer, 1 at a time',
    lanes: 1,
    async setup(path, size) {
      const file = await open(path)
      const target = Buffer.alloc(size)
      return {
        async once() {
          const read = await file.readInto(target, 0)
          return read === size ? target : target.subarray(0, read)
        },
        close: () => file.close(),
      }
    },
  },
  read: {
    label: 'faultless read, 1 at a time',
    lanes: 1,
    async setup(path, size) {
      const file = await open(path)
      return { once: () => file.read(0, size), close: () => file.close() }
    },
  },
  'read, tuned': {
    label: 'faultless read, 1 at a time, after allocator.tune()',
    lanes: 1,
    async setup(path, size) {
      const { allocator } = await import('faultless')
      allocator.tune()
      return readers.read.setup(path, size)
    },
  },
  tryReadInto: {
    label: 'faultless tryReadInto one buffer',
    synchronous: true,
    lanes: 1,
    async setup(path, size) {
      const file = await open(path)
      await file.prefault()
      const target = Buffer.alloc(size)
      return { once: () => target.subarray(0, file.tryReadInto(target, 0) ?? 0), close: () => file.close() }
    },
  },
  readMany: {
    label: 'faultless readMany of 16 parts, gathered in one buffer',
    lanes: 1,
    async setup(path, size) {
      const file = await open(path)
      const target = Buffer.alloc(size)
      const ranges = parts(size).map(offset => ({ offset, length: size / PARTS }))
      return {
        async once() {
          const read = await file.readMany(ranges)
          for (const [index, bytes] of read.entries()) bytes.copy(target, ranges[index].offset)
          return target
        },
        close: () => file.close(),
      }
    },
  },
  readManyInto: {
    label: 'faultless readManyInto of 16 parts',
    lanes: 1,
    async setup(path, size) {
      const file = await open(path)
      const target = Buffer.alloc(size)
      const offsets = parts(size)
      return {
        once: async () => target.subarray(0, await file.readManyInto(target, offsets, size / PARTS)),
        close: () => file.close(),
      }
    },
  },
  chunks: {
    label: 'faultless chunks of 16 KiB, gathered in one buffer',
    lanes: 1,
    async setup(path, size) {
      const file = await open(path)
      const target = Buffer.alloc(size)
      return {
        async once() {
          let at = 0
          for await (const bytes of file.chunks({ chunkSize: 16 << 10 })) at += bytes.copy(target, at)
          return target.subarray(0, at)
        },
        close: () => file.close(),
      }
    },
  },
  nothing: {
    label: 'nothing: the same loop without a read',
    lanes: 1,
    shared: true,
    setup(path) {
      const bytes = readFileSync(path)
      return { once: async () => bytes }
    },
  },
  allocate: {
    label: 'nothing but a fresh buffer: the same loop without a read',
    lanes: 1,
    shared: true,
    setup(path, size) {
      const bytes = readFileSync(path)
      return {
        async once() {
          Buffer.allocUnsafeSlow(size)[0] = 1
          return bytes
        },
      }
    },
  },
  view: {
    label: 'faultless view (a pointer: no byte is copied or touched but the one that is checked)',
    lanes: 1,
    shared: true,
    async setup(path, size) {
      const file = await open(path)
      return { once: () => file.view(0, size), close: () => file.close() }
    },
  },
}

/** Where the parts of a file begin. @param {number} size */
const parts = size => Array.from({ length: PARTS }, (_, index) => (index * size) / PARTS)

/** Loaded only by the members that use it, so that the others measure a Node without the addon. @param {string} path */
async function open(path) {
  const { MappedFile } = await import('faultless')
  return MappedFile.open(path)
}
