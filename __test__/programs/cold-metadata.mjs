// Reads scattered blocks of files whose maps of blocks are themselves cold, one by each method, from a disk of few operations
// a second, and prints what became of the timers meanwhile.

import { join } from 'node:path'
import { MappedFile, mmapRead } from 'faultless'
import { unpopulatedWindow } from '#binding'
import { PAGE } from '../helpers/files.mjs'
import { watched } from '../helpers/watched.mjs'

const [folder, count, names] = [process.argv[2], Number(process.argv[3]), process.argv[4].split(',')]

/** Blocks with bytes in them, far from each other, so that each has a part of the map of its own. */
const even = part => 2 * Math.floor((count / 2) * part)
const few = [1 / 7, 6 / 7].map(even)

const offsets = few.map(block => block * PAGE)
const ranges = offsets.map(offset => ({ offset, length: PAGE }))
const holds = (bytes, block) => bytes.length === PAGE && bytes.every(byte => byte === ((block / 2) % 255) + 1)
const right = parts => parts.every((part, index) => holds(part, few[index]))
const each = read => Promise.all(offsets.map(read))
const opened = way => async path => {
  const file = await MappedFile.open(path)
  const result = right(await way(file))
  await file.close()
  return result
}

const ways = {
  open: opened(() => []),
  read: opened(file => each(offset => file.read(offset, PAGE))),
  readInto: opened(file =>
    each(async offset => {
      const target = Buffer.alloc(PAGE)
      await file.readInto(target, offset)
      return target
    }),
  ),
  readMany: opened(file => file.readMany(ranges)),
  readManySettled: opened(async file => (await file.readManySettled(ranges)).map(({ value }) => value)),
  readManyInto: opened(async file => {
    const target = Buffer.alloc(2 * PAGE)
    await file.readManyInto(target, offsets, PAGE)
    return [target.subarray(0, PAGE), target.subarray(PAGE)]
  }),
  view: opened(file => each(offset => file.view(offset, PAGE))),
  chunks: opened(file =>
    each(async offset => {
      for await (const chunk of file.chunks({ start: offset, end: offset + PAGE })) return chunk
    }),
  ),
  slice: opened(file => each(async offset => Buffer.from(await file.slice(offset, offset + PAGE)))),
  prefault: opened(async file => {
    await each(offset => file.prefault(offset, PAGE))
    return offsets.map(offset => file.tryRead(offset, PAGE))
  }),
  mmapRead: async path => right(await each(offset => mmapRead(path, offset, PAGE))),
  async naive(path) {
    const window = Buffer.from(unpopulatedWindow(Buffer.from(path)))
    const [block] = few
    return holds(window.subarray(block * PAGE, (block + 1) * PAGE), block)
  },
}

const report = {}
for (const name of names) report[name] = await watched(() => ways[name](join(folder, name)))
console.log(JSON.stringify(report))
