// Loops of awaited warm reads, which return at once, never starve timers.

import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { KiB, MiB, PAGE, seededFile, temporaryFolder } from './helpers/files.mjs'
import { ticking } from './helpers/ticking.mjs'

const SIZE = 16 * MiB
const path = seededFile(temporaryFolder(), SIZE)

async function warmFile(t) {
  const file = await MappedFile.open(path)
  t.teardown(() => file.close())
  await file.prefault()
  await file.view()
  return file
}

function verdict(t, clock) {
  t.log(clock.summary)
  t.false(clock.starved, clock.summary)
}

test.serial('the count can fail: a loop over promises that are resolved already starves timers', async t => {
  const clock = ticking()
  while (clock.goesOn()) await Promise.resolve()
  t.true(clock.starved, clock.summary)
})

for (const length of [128, PAGE, 256 * KiB]) {
  test.serial(`timers tick all through a loop of warm readInto, ${length} bytes each`, async t => {
    const file = await warmFile(t)
    const target = Buffer.alloc(length)
    const clock = ticking()
    for (let offset = 0; clock.goesOn(); offset = (offset + length) % SIZE) await file.readInto(target, offset)
    verdict(t, clock)
  })
}

test.serial('timers tick all through a loop of warm read', async t => {
  const file = await warmFile(t)
  const clock = ticking()
  for (let offset = 0; clock.goesOn(); offset = (offset + PAGE) % SIZE) await file.read(offset, PAGE)
  verdict(t, clock)
})

test.serial('timers tick all through a loop of warm view', async t => {
  const file = await warmFile(t)
  const clock = ticking()
  for (let offset = 0; clock.goesOn(); offset = (offset + PAGE) % SIZE) await file.view(offset, PAGE)
  verdict(t, clock)
})

test.serial('timers tick all through a loop of warm readMany', async t => {
  const file = await warmFile(t)
  const ranges = Array.from({ length: 8 }, (_, index) => ({ offset: index * MiB, length: PAGE }))
  const clock = ticking()
  while (clock.goesOn()) await file.readMany(ranges)
  verdict(t, clock)
})

const empty = seededFile(temporaryFolder(), 0)
const nothing = {
  read: file => file.read(5, 0),
  readInto: file => file.readInto(Buffer.alloc(0)),
  readMany: file => file.readMany([]),
  readManySettled: file => file.readManySettled([]),
  'readMany of empty ranges': file => file.readMany([{ offset: 0, length: 0 }]),
  readManyInto: file => file.readManyInto(Buffer.alloc(0), [], 8),
  view: file => file.view(0, 0),
  slice: file => file.slice(0, 0),
  prefault: file => file.prefault(0, 0),
  residency: file => file.residency(0, 0),
  advise: file => file.advise('willneed', 0, 0),
  lock: file => file.lock(0, 0),
  'mmapRead of an empty file': () => mmapRead(empty),
  'mmapRead of no bytes': () => mmapRead(path, 0, 0),
}

for (const [name, call] of Object.entries(nothing)) {
  test.serial(`timers tick all through a loop of calls that read nothing: ${name}`, async t => {
    const file = await warmFile(t)
    const clock = ticking(50)
    while (clock.goesOn()) await call(file)
    verdict(t, clock)
  })
}

for (const chunkSize of [1, PAGE, undefined]) {
  test.serial(`timers tick all through for await over warm chunks of ${chunkSize ?? 'the default size'}`, async t => {
    const file = await warmFile(t)
    const clock = ticking(chunkSize === 1 ? 50 : 1000)
    let goesOn = true
    while (goesOn) {
      for await (const chunk of file.chunks(chunkSize && { chunkSize })) {
        goesOn = clock.goesOn() && chunk.length > 0
        if (!goesOn) break
      }
    }
    verdict(t, clock)
  })
}

/** Counts the turns of the event loop during an action. */
async function turnsDuring(action) {
  let turns = 0
  let goesOn = true
  const turn = () => {
    turns += 1
    if (goesOn) setImmediate(turn)
  }
  setImmediate(turn)
  await action()
  goesOn = false
  return turns
}

async function take(items) {
  for await (const _ of items) {
    // Only that it arrives counts.
  }
}

// Seen to fail: where chunks that are in memory are pushed at once, 256 chunks take 8 turns. readline scans an
// incomplete line again with each chunk, so a line of some mebibytes held up the event loop for tenths of a second.
test.serial('a stream gives the event loop a turn for each chunk, and so do lines', async t => {
  const folder = temporaryFolder(t)
  const lines = join(folder, 'lines')
  fs.writeFileSync(lines, `${'x'.repeat(3 * MiB)}\n`.repeat(5))
  const chunks = SIZE / (64 * KiB)
  for (const [name, source, read] of [
    ['createReadStream', path, file => file.createReadStream()],
    ['readLines', lines, file => file.readLines()],
    ['readableWebStream', path, file => file.readableWebStream()],
  ]) {
    const file = await MappedFile.open(source)
    await file.prefault()
    const turns = await turnsDuring(() => take(read(file)))
    t.log(name, turns)
    t.true(turns >= 0.9 * chunks, `${name}: ${turns} turns for ${chunks} chunks`)
    await file.close()
  }
})
