// Reads ranges of a file by every method of the library, and compares each with fs.readSync.

import fs from 'node:fs'
import { mmapRead } from 'faultless'
import { bytesBySync, KiB, MiB, PAGE, seededNumbers } from './files.mjs'

const BATCH = 50
const UNTOUCHED = 0xa5

/** Ranges of a file of `size` bytes: its edges first, then random ones; every third offset is a bigint. */
export function randomRanges(size, count, seed) {
  const random = seededNumbers(seed)
  const below = limit => Math.floor(random() * limit)
  const ranges = [
    [0, 0],
    [0, 1],
    [0, PAGE],
    [1, PAGE],
    [PAGE - 1, 2],
    [size - 1, 1],
    [size - 1, 100],
    [size - 3 * PAGE - 7, 5 * PAGE],
    [size, 0],
    [size, 10],
    [size + 1, 5],
    [size + 10 * PAGE, 100],
  ]
  while (ranges.length < count) {
    const kind = random()
    const largest = kind < 0.7 ? PAGE : kind < 0.9 ? 64 * KiB : kind < 0.99 ? 256 * KiB : MiB
    const length = random() < 0.02 ? 0 : below(largest)
    const offset = random() < 0.02 ? size - below(length + 1) + below(2 * PAGE) : below(size - length)
    ranges.push([offset, length])
  }
  return ranges.map(([offset, length], index) => ({ offset: index % 3 ? offset : BigInt(offset), length }))
}

/** Reads all the ranges by a method of `methods`, and throws at the first that is not what fs.readSync says. */
export async function compareWithSync(method, file, path, ranges) {
  for (let start = 0; start < ranges.length; start += BATCH) {
    for (const { offset, length, bytes } of await methods[method](file, ranges.slice(start, start + BATCH), path)) {
      const expected = bytesBySync(path, offset, length)
      if (!expected.equals(bytes)) {
        const at = expected.findIndex((byte, index) => byte !== bytes[index])
        const what = at < 0 ? `${bytes.length} bytes instead of ${expected.length}` : `wrong from its byte ${at} on`
        throw new Error(`${method} of ${length} bytes at ${offset}: ${what}`)
      }
    }
  }
}

const each = readOne => (file, ranges, path) =>
  Promise.all(ranges.map(async range => ({ ...range, bytes: await readOne(file, range, path) })))

/** Whether what is in memory is not always answered at once: overlayfs may lie above a file system whose zeros are doubtful. */
const isDoubtful = path => fs.statfsSync(path).type === 0x794c7630

/** Every way to the bytes of a range. */
export const methods = {
  read: each((file, { offset, length }) => file.read(offset, length)),

  async 'read, one after another'(file, ranges) {
    const results = []
    for (const range of ranges) results.push({ ...range, bytes: await file.read(range.offset, range.length) })
    return results
  },

  async 'read after prefault'(file, ranges) {
    await Promise.all(ranges.map(({ offset, length }) => file.prefault(offset, length)))
    return methods.read(file, ranges)
  },

  readInto: each((file, { offset, length }) => filled(length, target => file.readInto(target, offset))),

  async readMany(file, ranges) {
    const results = await file.readMany(ranges)
    return ranges.map((range, index) => ({ ...range, bytes: results[index] }))
  },

  async readManySettled(file, ranges) {
    const results = await file.readManySettled(ranges)
    return ranges.map((range, index) => ({ ...range, bytes: results[index].value }))
  },

  'readManyInto, offsets in an array': gathered(offsets => offsets),
  'readManyInto, offsets in a Float64Array': gathered(offsets => Float64Array.from(offsets)),
  'readManyInto, offsets in a BigUint64Array': gathered(offsets => BigUint64Array.from(offsets, BigInt)),

  tryRead: each(async (file, { offset, length }, path) => {
    await file.prefault(offset, length)
    return file.tryRead(offset, length) ?? (isDoubtful(path) && file.read(offset, length))
  }),

  tryReadInto: each(async (file, { offset, length }, path) => {
    await file.prefault(offset, length)
    return filled(
      length,
      target => file.tryReadInto(target, offset) ?? (isDoubtful(path) && file.readInto(target, offset)),
    )
  }),

  view: each((file, { offset, length }) => file.view(offset, length)),

  tryView: each(async (file, { offset, length }) => {
    await file.view(offset, length)
    return file.tryView(offset, length)
  }),

  chunks: each(async (file, { offset, length }) => {
    const chunkSize = 1 + ((length * 7) % (48 * KiB))
    const parts = []
    const end = typeof offset === 'bigint' ? offset + BigInt(length) : offset + length
    for await (const chunk of file.chunks({ start: offset, end, chunkSize })) {
      if (chunk.length > chunkSize || chunk.length === 0) throw new Error(`a chunk of ${chunk.length} bytes`)
      parts.push(chunk)
    }
    return Buffer.concat(parts)
  }),

  slice: each(async (file, { offset, length }) => {
    const result = await file.slice(Number(offset), Number(offset) + length)
    if (!(result instanceof ArrayBuffer)) throw new Error('slice() gave no ArrayBuffer')
    return Buffer.from(result)
  }),

  mmapRead: each((_, { offset, length }, path) => mmapRead(path, offset, length)),
}

/** What `fill` writes to a target in the middle of a larger one, of which nothing else may change. */
async function filled(length, fill) {
  const around = Buffer.alloc(length + 32, UNTOUCHED)
  const written = await fill(around.subarray(16, 16 + length))
  const outside = [around.subarray(0, 16), around.subarray(16 + written)]
  if (outside.some(part => part.some(byte => byte !== UNTOUCHED))) {
    throw new Error(`of a target of ${length} bytes more was written than the ${written} that were reported`)
  }
  return around.subarray(16, 16 + written)
}

/** Records of one length each, the ranges' offsets given in one of three forms. */
function gathered(form) {
  return async (file, ranges) => {
    const length = Math.min(ranges[0].length, 64 * KiB)
    const offsets = ranges.map(({ offset }) => Number(offset)).filter(offset => offset + length <= file.byteLength)
    const target = await filled(offsets.length * length, part => file.readManyInto(part, form(offsets), length))
    return offsets.map((offset, index) => ({
      offset,
      length,
      bytes: target.subarray(index * length, (index + 1) * length),
    }))
  }
}
