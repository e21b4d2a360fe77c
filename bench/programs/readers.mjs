// The ways to read a whole file that are compared, by name.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/**
 * `once` reads the file and answers with its bytes, or with a promise of them where the reader is not `synchronous`.
 * @typedef {{ once: () => Buffer | Promise<Buffer>, close?: () => void | Promise<void> }} Source
 *
 * `lanes`: how many reads one member keeps under way. `shared`: the bytes are the mapping itself, not to be written to.
 * @typedef {{
 *   label: string, synchronous?: boolean, lanes: number, shared?: boolean,
 *   setup: (path: string, size: number) => Source | Promise<Source>
 * }} Reader
 */

/** @type {Record<string, Reader>} */
export const readers = {
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

/** Loaded only by the members that use it, so that the others measure a Node without the addon. @param {string} path */
async function open(path) {
  const { MappedFile } = await import('faultless')
  return MappedFile.open(path)
}
