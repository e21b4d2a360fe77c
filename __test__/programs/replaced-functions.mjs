// Calls every method under the mocked timers of node:test, with the global functions that start things later doing nothing, and
// prints which have settled, and how. Where one never settles, Node ends the process with exit code 13.

import fs from 'node:fs'
import { mock } from 'node:test'
import { MappedFile, mmapRead } from 'faultless'
import { MiB, seededBytes } from '../helpers/files.mjs'

const [path, empty] = process.argv.slice(2)
const original = seededBytes(4 * MiB)
for (const name of ['queueMicrotask', 'setImmediate', 'setTimeout', 'setInterval']) globalThis[name] = () => {}
mock.timers.enable({ apis: ['setTimeout', 'setImmediate', 'setInterval', 'Date'] })

const all = async parts => {
  const bytes = []
  for await (const part of parts) bytes.push(part)
  return Buffer.concat(bytes)
}
const ways = {
  read: file => file.read(),
  'many reads': async file =>
    Buffer.concat(await Promise.all(Array.from({ length: 1024 }, (_, index) => file.read(index * 4096, 4096)))),
  async readInto(file) {
    const target = Buffer.alloc(original.length)
    await file.readInto(target)
    return target
  },
  readMany: async file =>
    Buffer.concat(await file.readMany(Array.from({ length: 1024 }, (_, n) => ({ offset: n * 4096, length: 4096 })))),
  async readManyInto(file) {
    const target = Buffer.alloc(original.length)
    const offsets = Array.from({ length: 1024 }, (_, n) => n * 4096)
    await file.readManyInto(target, offsets, 4096)
    return target
  },
  view: file => file.view(),
  chunks: file => all(file.chunks({ chunkSize: 100_000 })),
  createReadStream: file => all(file.createReadStream()),
  slice: async file => Buffer.from(await file.slice(0)),
  mmapRead: () => mmapRead(path),
  'mmapRead of a part': async () => Buffer.concat([await mmapRead(path, 0, MiB), await mmapRead(path, MiB)]),
  prefault: file => file.prefault(),
  residency: file => file.residency(),
  refresh: file => file.refresh(),
  advise: file => file.advise('willneed'),
  unlock: file => file.unlock(),
  write: file => file.write(original, 0),
  flush: file => file.flush(),
  async nothing(file) {
    await Promise.all([file.read(0, 0), file.view(0, 0), file.readMany([]), file.prefault(0, 0), mmapRead(empty)])
  },
  async 'a signal'(file) {
    const controller = new AbortController()
    const read = file.read(0, undefined, { signal: controller.signal }).catch(({ name }) => name)
    controller.abort()
    await read
  },
}

const report = {}
for (const [name, way] of Object.entries(ways)) {
  // A cold handle each time, and one that is warm.
  const file = await MappedFile.open(path, { flags: 'r+' })
  for (let time = 0; time < 2; time++) {
    const result = await way(file)
    report[name] = Buffer.isBuffer(result) && !original.equals(result) ? 'wrong bytes' : 'settled'
  }
  await file.close()
}
fs.writeSync(1, JSON.stringify(report))
process.exit(0)
