// Opens a file that it may ask the kernel about, waits until its rights are others, and reads what is cold; sends its parent what
// came of each way, and how many major faults that cost the JavaScript thread. changed-rights.mjs PATH WARM-PATH [EUID]

import { once } from 'node:events'
import fs from 'node:fs'
import { MappedFile, mmapRead } from 'faultless'
import { KiB, PAGE, seededBytes } from '../helpers/files.mjs'
import { majorFaults } from '../helpers/process.mjs'

const [path, warm, euid] = process.argv.slice(2)
const expected = seededBytes(fs.statSync(path).size)
const LONG = 256 * KiB
/** From one range to the next. */
const STEP = 768 * KiB
const target = Buffer.alloc(64 * KiB)
const parts = async iterable => {
  const all = []
  for await (const part of iterable) all.push(part)
  return Buffer.concat(all)
}

/** Each gets a part of the file that is cold, and gives bytes from its start. */
const ways = {
  read: (file, offset) => file.read(offset, PAGE),
  'a long read': (file, offset) => file.read(offset, LONG),
  readInto: async (file, offset) => target.subarray(0, await file.readInto(target, offset)),
  'read after read': async (file, offset) => {
    await file.read(offset + 256 * KiB, PAGE)
    return file.read(offset, PAGE)
  },
  readMany: async (file, offset) =>
    (await file.readMany([offset, offset + 300 * KiB].map(at => ({ offset: at, length: PAGE }))))[0],
  readManyInto: async (file, offset) => {
    await file.readManyInto(target, [offset, offset + 400 * KiB], PAGE)
    return target.subarray(0, PAGE)
  },
  slice: async (file, offset) => Buffer.from(await file.slice(offset, offset + PAGE)),
  // Bytes are compared by this thread, which so touches each page of a view.
  view: (file, offset) => file.view(offset, LONG),
  chunks: (file, offset) => parts(file.chunks({ start: offset, end: offset + LONG, chunkSize: 64 * KiB })),
  createReadStream: (file, offset) => parts(file.createReadStream({ start: offset, end: offset + LONG - 1 })),
  'tryRead after prefault': async (file, offset) => {
    await file.prefault(offset, 64 * KiB)
    return file.tryRead(offset, 64 * KiB) ?? file.read(offset, 64 * KiB)
  },
  mmapRead: (file, offset) => mmapRead(file.path, offset, PAGE),
}
const attempts = {
  tryRead: (file, offset) => file.tryRead(offset, PAGE),
  'a long tryRead': (file, offset) => file.tryRead(offset, LONG),
  tryReadInto: (file, offset) => file.tryReadInto(target, offset),
  tryView: (file, offset) => file.tryView(offset, PAGE),
}

async function each(file, step) {
  let offset = STEP
  for (const [name, way] of Object.entries({ ...attempts, ...ways })) {
    await step(name, () => way(file, offset), offset)
    offset += STEP
  }
}

const isRight = (bytes, offset) =>
  bytes.length >= PAGE && expected.subarray(offset, offset + bytes.length).equals(bytes)

// Once on a warm file, so that no code of Node's is met for the first time below.
const other = await MappedFile.open(warm)
await each(other, (_, call) => call())
await other.close()

const file = await MappedFile.open(path)
await file.read(0, PAGE)
await file.read(0, PAGE)
await mmapRead(path, 0, PAGE)
const before = await file.residency()
process.send('ready')
await once(process, 'message')
if (euid) process.seteuid(Number(euid))

const report = {
  before: before.resident,
  after: (await file.residency()).resident ?? null,
  answered: [],
  wrong: [],
  faults: {},
}
await each(file, async (name, call, offset) => {
  const faults = majorFaults()
  const bytes = await call()
  if (name in ways && !isRight(bytes, offset)) report.wrong.push(name)
  if (name in attempts && bytes !== undefined) report.answered.push(name)
  if (majorFaults() > faults) report.faults[name] = majorFaults() - faults
})
await file.close()
process.send(report)
process.disconnect()
