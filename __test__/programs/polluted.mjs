// Puts options on the prototype of all objects and calls every method that takes some, and prints what has come of it.

import fs from 'node:fs'
import { MappedFile, mmapRead } from 'faultless'
import { MiB, seededBytes } from '../helpers/files.mjs'

const path = process.argv[2]
const original = seededBytes(2 * MiB)
const other = fs.openSync(process.execPath)
const pollution = {
  flags: 'r+',
  signal: AbortSignal.abort(),
  start: 5,
  end: 10,
  chunkSize: 3,
  readAhead: 0,
  highWaterMark: 7,
  encoding: 'hex',
  fd: other,
  memory: new Uint8Array(8),
  take: () => {},
  records: { offsets: new Float64Array(1), lengths: new Float64Array(1) },
  jemalloc: true,
}
const all = async parts => {
  const bytes = []
  for await (const part of parts) bytes.push(part)
  return Buffer.concat(bytes)
}
const target = Buffer.alloc(original.length)
const range = { offset: 0, length: original.length }
const ways = {
  'open of a Buffer': async (_, options) => {
    const file = await MappedFile.open(Buffer.from(path), options)
    const how = [file.path, file.flags]
    await file.close()
    return how.join()
  },
  read: (file, options) => file.read(0, undefined, options),
  'a short read': async (file, options) => (await file.read(0, 100, options)).equals(original.subarray(0, 100)),
  readInto: async (file, options) => (await file.readInto(target, 0, options)) && target,
  readMany: async (file, options) => (await file.readMany([range], options))[0],
  readManyInto: async (file, options) => (await file.readManyInto(target, [0], original.length, options)) && target,
  'readManyInto of short ones': async (file, options) => (await file.readManyInto(target, [0, 8], 8, options)) === 16,
  view: (file, options) => file.view(0, undefined, options),
  chunks: (file, options) => all(file.chunks(options)),
  // By events: Node's own iterator and pipeline() are stopped by the signal.
  createReadStream: (file, options) =>
    new Promise((resolve, reject) => {
      const parts = []
      const stream = file.createReadStream(options)
      stream.on('data', part => parts.push(part))
      stream.on('end', () => resolve(Buffer.concat(parts)))
      stream.on('error', reject)
    }),
  slice: async (file, options) => Buffer.from(await file.slice(0, undefined, options)),
  mmapRead: (_, options) => mmapRead(path, 0, undefined, options),
  prefault: (file, options) => file.prefault(0, undefined, options),
}

/** All of it with the pollution, which Node's own code must not meet any longer than it has to. */
async function run() {
  const report = {}
  for (const [name, way] of Object.entries(ways)) {
    for (const options of [undefined, {}]) {
      const file = await MappedFile.open(path, options)
      const result = await way(file, options).catch(error => `${error}`)
      const is = Buffer.isBuffer(result) ? original.equals(result) : result
      report[`${name}${options ? ', with options' : ''}`] = [is ?? true, file.flags].join()
      await file.close()
    }
  }
  return report
}

for (const [name, value] of Object.entries(pollution)) {
  Object.defineProperty(Object.prototype, name, { value, configurable: true, enumerable: false, writable: true })
}
const report = await run().catch(error => error.stack)
for (const name of Object.keys(pollution)) delete Object.prototype[name]
fs.writeSync(1, JSON.stringify(report))
