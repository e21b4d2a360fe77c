// Reads a file of which the last part lies where the disk fails, by every method, and prints how each ended.

import fs from 'node:fs'
import { MappedFile, mmapRead } from 'faultless'
import { unpopulatedWindow } from '#binding'
import { MiB, PAGE, seededBytes } from '../helpers/files.mjs'

const [path, other] = process.argv.slice(2)
const file = await MappedFile.open(path)
const size = file.byteLength
const original = seededBytes(size)
// The very last page is bad; the first half is good.
const bad = size - 3 * PAGE
const right = (bytes, offset) => original.subarray(offset, offset + bytes.length).equals(bytes)

/** How it ended: the code, and whether the error names a range of the file that the asked one holds. */
async function ended(call, offset, length) {
  try {
    await call()
    return 'resolved'
  } catch (error) {
    const named = error.offset >= offset && error.length > 0 && error.offset + error.length <= offset + length
    return `${error.code}${named ? ' with its range' : ` with ${error.offset}, ${error.length}`}${error.path === path ? '' : ' of another path'}`
  }
}

const fd = fs.openSync(path)
let direct
try {
  fs.readSync(fd, Buffer.alloc(PAGE), 0, PAGE, bad)
} catch (error) {
  direct = error.code
}

const target = Buffer.alloc(64 * 1024)
const { signal } = new AbortController()
const ways = {
  read: (offset, length) => file.read(offset, length),
  'read that can be aborted': (offset, length) => file.read(offset, length, { signal }),
  readInto: (offset, length) => file.readInto(target.subarray(0, length), offset),
  readMany: (offset, length) => file.readMany([{ offset, length }]),
  readManyInto: (offset, length) => file.readManyInto(target, [offset], length),
  view: (offset, length) => file.view(offset, length),
  async chunks(offset, length) {
    for await (const chunk of file.chunks({ start: offset, end: offset + length })) chunk.at(0)
  },
  slice: (offset, length) => file.slice(offset, offset + length),
  async createReadStream(offset, length) {
    for await (const part of file.createReadStream({ start: offset, end: offset + length - 1 })) part.at(0)
  },
  lock: (offset, length) => file.lock(offset, length),
  prefault: (offset, length) => file.prefault(offset, length),
  mmapRead: (offset, length) => mmapRead(path, offset, length),
}
const short = {}
const long = {}
for (const [name, way] of Object.entries(ways)) {
  short[name] = await ended(() => way(bad, PAGE), bad, PAGE)
  // Begins in good bytes and runs into bad ones.
  if (name !== 'readManyInto' && name !== 'readInto')
    long[name] = await ended(() => way(MiB, size - MiB), MiB, size - MiB)
}
const attempts = [file.tryRead(bad, PAGE), file.tryReadInto(target, bad), file.tryView(bad, PAGE)].map(String)

// Cold good ranges, asked for together with a bad one.
const spread = Array.from({ length: 1000 }, (_, index) => ({ offset: index * 4099, length: 100 }))
spread[617] = { offset: bad + 5, length: 100 }
const settled = await file.readManySettled(spread)
const batch = {
  rejected: settled.flatMap(({ status, reason }, index) =>
    status === 'rejected' ? [`${index} ${reason.code} ${reason.offset - bad}`] : [],
  ),
  right: settled.every(({ value }, index) => index === 617 || right(value, spread[index].offset)),
}
const places = Array.from({ length: 100 }, (_, index) => (index === 50 ? bad : 4 * MiB + index * 10 * PAGE))
const views = await Promise.allSettled(places.map(offset => file.view(offset, PAGE)))
batch.views = views.flatMap(({ status, reason }, index) => (status === 'rejected' ? [`${index} ${reason.code}`] : []))
batch.viewsRight = views.every(({ value }, index) => index === 50 || right(value, places[index]))
const index = (
  await file
    .readMany([
      { offset: 0, length: 10 },
      { offset: bad, length: 10 },
    ])
    .catch(error => error)
).index
const gathered = (await file.readManyInto(target, [0, bad], PAGE).catch(error => error)).code

// Life goes on: good ranges of the same file, views made before, other files of the disk, a second handle.
const again = await MappedFile.open(path)
const later = [
  right(await file.read(0, 2 * MiB), 0),
  right(await file.view(MiB, MiB), MiB),
  right(await again.read(3 * MiB, MiB), 3 * MiB),
  right(await mmapRead(path, 77, 1000), 77),
  right(views[0].value, places[0]),
  (await mmapRead(other)).equals(seededBytes(MiB, 2)),
  (await file.refresh()) === size,
  right(await file.read(5 * MiB, MiB), 5 * MiB),
]

// A bad page that was not faulted in reads zeros, and the process lives.
const touched = new Uint8Array(unpopulatedWindow(Buffer.from(path)))[bad]
later.push(right(await file.view(0, MiB), 0), right(await file.read(0, MiB), 0))
await file.close()
await again.close()
console.log(
  JSON.stringify({ direct, short, long, attempts, batch, index, gathered, later: later.every(Boolean), touched }),
)
