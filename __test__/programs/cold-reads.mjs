// Reads cold files, one by each method, and prints what became of the timers meanwhile. Runs under a throttle.

import { join } from 'node:path'
import { MappedFile, mmapRead } from 'faultless'
import { unpopulatedWindow } from '#binding'
import { KiB, PAGE, seededBytes } from '../helpers/files.mjs'
import { watched } from '../helpers/watched.mjs'

const [folder, length, names] = [process.argv[2], Number(process.argv[3]), process.argv[4].split(',')]
const expected = seededBytes(length)
const everyPage = Array.from({ length: length / PAGE }, (_, page) => page * PAGE)
const ranges = Array.from({ length: length / (64 * KiB) }, (_, index) => ({
  offset: index * 64 * KiB,
  length: 64 * KiB,
}))

/** Each gets a cold file's path and gives back its bytes, in parts. */
const ways = {
  naive: async path => [Buffer.from(unpopulatedWindow(Buffer.from(path)))],
  read: opened(async file => [await file.read()]),
  async readInto(path) {
    const target = Buffer.alloc(length)
    return opened(async file => {
      await file.readInto(target)
      return [target]
    })(path)
  },
  'reads at once': opened(file => Promise.all(ranges.map(({ offset, length }) => file.read(offset, length)))),
  readMany: opened(file => file.readMany(ranges)),
  readManySettled: opened(async file => (await file.readManySettled(ranges)).map(({ value }) => value)),
  async readManyInto(path) {
    const target = Buffer.alloc(length)
    return opened(async file => {
      await file.readManyInto(target, everyPage, PAGE)
      return [target]
    })(path)
  },
  view: opened(async file => [await file.view()]),
  chunks: opened(async file => {
    const parts = []
    for await (const chunk of file.chunks({ chunkSize: 256 * KiB })) parts.push(chunk)
    return parts
  }),
  slice: opened(async file => [Buffer.from(await file.slice(0))]),
  createReadStream: opened(async file => {
    const parts = []
    for await (const part of file.createReadStream()) parts.push(part)
    return parts
  }),
  lock: opened(async file => {
    await file.lock()
    return [file.tryRead(0, length)]
  }),
  prefault: opened(async file => {
    await file.prefault()
    return [file.tryRead(0, length)]
  }),
  mmapRead: async path => [await mmapRead(path, 0, length)],
}

/** Whether the parts are the file's bytes. They are touched here: a view that waits for the disk does so now. */
async function right(parts) {
  let at = 0
  for (const part of parts) {
    if (!expected.subarray(at, at + part.length).equals(part)) return false
    at += part.length
  }
  return at === length
}

const attempts = {
  tryRead: file => file.tryRead(0, length),
  tryReadInto: file => file.tryReadInto(Buffer.alloc(length), 0),
  tryView: file => file.tryView(0, length),
}

function opened(way) {
  return async path => {
    const file = await MappedFile.open(path)
    const bytes = await way(file)
    await file.close()
    return bytes
  }
}

// Once on a warm file, so that neither code nor memory of Node's own is met for the first time below.
for (const name of names) await ways[name](join(folder, 'warm'))

const report = { ways: {}, attempts: {} }
for (const name of names) {
  report.ways[name] = await watched(async () => right(await ways[name](join(folder, name))))
}
for (const [name, attempt] of Object.entries(attempts)) {
  const file = await MappedFile.open(join(folder, name))
  report.attempts[name] = await watched(async () => attempt(file) === undefined)
  await file.close()
}
console.log(JSON.stringify(report))
