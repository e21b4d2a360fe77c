// Reads cold files from a slow disk, one by each method, and prints how long fs and dns meanwhile had to wait.

import { lookup } from 'node:dns/promises'
import fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile, mmapRead } from 'faultless'
import { KiB, seededBytes } from '../helpers/files.mjs'

const [folder, names, bytes] = [process.argv[2], process.argv[3].split(','), Number(process.argv[4])]
const original = seededBytes(bytes)
const elsewhere = process.execPath
const PARTS = 8
const part = bytes / PARTS
const offsets = Array.from({ length: PARTS }, (_, index) => index * part)
const cut = (parts, of) => parts.map(offset => of(offset))

/** Each reads all of a file in parts that are asked for at once, and gives back its bytes in order. */
const ways = {
  /** What the others are held against: as many plain reads as the pool has threads, and more. */
  'fs.read': path =>
    Promise.all(
      cut(offsets, async offset => {
        const file = await fs.promises.open(path)
        const { buffer } = await file.read(Buffer.alloc(part), 0, part, offset)
        await file.close()
        return buffer
      }),
    ),
  read: opened(file => cut(offsets, offset => file.read(offset, part))),
  readInto: opened(file =>
    cut(offsets, async offset => {
      const target = Buffer.alloc(part)
      await file.readInto(target, offset)
      return target
    }),
  ),
  readMany: opened(async file => file.readMany(offsets.map(offset => ({ offset, length: part })))),
  readManySettled: opened(async file =>
    (await file.readManySettled(offsets.map(offset => ({ offset, length: part })))).map(({ value }) => value),
  ),
  readManyInto: opened(async file => {
    const target = Buffer.alloc(bytes)
    const places = Array.from({ length: bytes / (4 * KiB) }, (_, index) => index * 4 * KiB)
    await file.readManyInto(target, places, 4 * KiB)
    return [target]
  }),
  view: opened(file => cut(offsets, offset => file.view(offset, part))),
  chunks: opened(file =>
    cut(offsets, async offset => {
      const parts = []
      for await (const chunk of file.chunks({ start: offset, end: offset + part, chunkSize: 64 * KiB }))
        parts.push(chunk)
      return Buffer.concat(parts)
    }),
  ),
  slice: opened(file => cut(offsets, async offset => Buffer.from(await file.slice(offset, offset + part)))),
  prefault: opened(async file => {
    await Promise.all(cut(offsets, offset => file.prefault(offset, part)))
    return cut(offsets, offset => file.read(offset, part))
  }),
  mmapRead: path => Promise.all(cut(offsets, offset => mmapRead(path, offset, part))),
}

function opened(way) {
  return async path => {
    const file = await MappedFile.open(path)
    const result = await Promise.all(await way(file))
    await file.close()
    return result
  }
}

/** How long the work took, and the longest that fs.stat and dns.lookup had to wait for their answers meanwhile. */
async function watched(work) {
  let going = true
  const longest = { stat: 0, lookup: 0 }
  let answers = 0
  const ask = async (name, question) => {
    while (going) {
      const asked = performance.now()
      await question()
      longest[name] = Math.max(longest[name], performance.now() - asked)
      answers++
      await delay(10)
    }
  }
  const asking = [
    ask('stat', () => fs.promises.stat(elsewhere)),
    ask('lookup', () => lookup('localhost').catch(() => {})),
  ]
  await delay(30)
  const began = performance.now()
  const result = await work()
  const took = performance.now() - began
  going = false
  await Promise.all(asking)
  return { result, took, answers, ...longest }
}

const report = {}
await fs.promises.stat(elsewhere)
await lookup('localhost').catch(() => {})
// Once on a warm file, so that neither code nor memory is met for the first time below.
for (const name of names) await ways[name](join(folder, 'warm'))

for (const name of names) {
  const { result, ...times } = await watched(async () =>
    original.equals(Buffer.concat(await ways[name](join(folder, name.replaceAll('.', '-'))))),
  )
  report[name] = { right: result, ...times }
}
console.log(JSON.stringify(report))
