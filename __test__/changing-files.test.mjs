// Files that are replaced, grow, and are rewritten during reads: mmapRead reads the file that is at the path now.
//
// Seen to fail: without reserved space behind the end of a mapping, a growing file needs 20 mappings; if files are
// identified by their path alone, mmapRead() still reads the replaced file.

import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { KiB, MiB, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { descriptorsOf, mappingPlaces, untilReleased } from './helpers/process.mjs'

test.serial('appended to 10,000 times under mmapRead: right every time, with one mapping', async t => {
  const path = join(temporaryFolder(t), 'log')
  const bytes = seededBytes(10_000 * 64)
  fs.writeFileSync(path, '')
  const log = fs.openSync(path, 'a')
  t.teardown(() => fs.closeSync(log))
  let wrong = 0
  const places = new Set()
  for (let round = 0; round < 10_000; round++) {
    const at = round * 64
    fs.writeSync(log, bytes, at, 64)
    // The new line, some bytes before it, and one byte that is not written yet.
    const start = Math.max(0, at - 100)
    const read = await mmapRead(path, start, at + 65 - start)
    if (!bytes.subarray(start, at + 64).equals(read)) wrong++
    if (round % 500 === 0) for (const place of mappingPlaces(path)) places.add(place)
  }
  t.is(wrong, 0)
  t.is(places.size, 1, 'one mapping serves the file as it grows')
  t.true(descriptorsOf(path) <= 3)
  t.true(bytes.equals(await mmapRead(path)))
  mmapRead.release(path)
})

test.serial('appended to beyond the reserved space of its mapping', async t => {
  const path = seededFile(temporaryFolder(t), 10_001)
  const file = await MappedFile.open(path)
  const view = await file.view()
  let size = 10_001
  for (const more of [1, 4095, MiB, 3 * MiB, 9 * MiB]) {
    const bytes = seededBytes(more, 3)
    fs.appendFileSync(path, bytes)
    t.is((await file.read(size, 10)).length, 0, 'a handle stays with the length it saw')
    t.true(bytes.equals(await mmapRead(path, size)))
    t.is(await file.refresh(), size + more)
    t.true(bytes.equals(await file.read(size)))
    t.true(bytes.equals(await file.view(size)))
    size += more
  }
  t.true(view.equals(seededBytes(10_001)), 'the old view shows what it showed')
  await file.close()
  mmapRead.release(path)
})

test.serial(
  'replaced by rename again and again while many read: each read is of one file or the other, whole',
  async t => {
    const folder = temporaryFolder(t)
    const path = seededFile(folder, 200 * KiB, 1, 'data')
    const old = await MappedFile.open(path)
    const whole = new Map([1, 2, 3, 4].map(seed => [seed, seededBytes(200 * KiB, seed)]))
    let going = true
    let reads = 0
    let wrong = 0
    const reading = Array.from({ length: 4 }, async (_, number) => {
      while (going) {
        const bytes = await (number % 2 ? mmapRead(path, 0, 200 * KiB) : mmapRead(path))
        if (![...whole.values()].some(one => one.equals(bytes))) wrong++
        reads++
      }
    })
    for (let round = 0; round < 200; round++) {
      const seed = 2 + (round % 3)
      fs.renameSync(seededFile(folder, 200 * KiB, seed, 'next'), path)
      if (!whole.get(seed).equals(await mmapRead(path, 0, 200 * KiB))) wrong++
    }
    going = false
    await Promise.all(reading)
    t.true(reads > 0)
    t.is(wrong, 0, 'right after the rename the new file is what is read')
    t.true(whole.get(1).equals(await old.read()), 'a handle stays with its file')
    t.is(await old.refresh(), 200 * KiB)
    t.true(whole.get(1).equals(await old.read()))
    await old.close()
    mmapRead.release(path)
    await t.notThrowsAsync(untilReleased(path))
  },
)

test.serial('rewritten in place, with the same length and the same time, by write and by a shared handle', async t => {
  const path = seededFile(temporaryFolder(t), 300 * KiB)
  const file = await MappedFile.open(path)
  const { atime, mtime } = fs.statSync(path)
  const target = Buffer.alloc(300 * KiB)
  for (const seed of [2, 3, 4]) {
    const bytes = seededBytes(300 * KiB, seed)
    const descriptor = fs.openSync(path, 'r+')
    fs.writeSync(descriptor, bytes)
    fs.closeSync(descriptor)
    fs.utimesSync(path, atime, mtime)
    await file.readInto(target)
    const [many] = await file.readMany([{ offset: 7, length: 9000 }])
    const results = [target, await file.read(), await file.view(), await mmapRead(path), await mmapRead(path, 0, 5000)]
    t.true(results.every(result => bytes.subarray(0, result.length).equals(result)))
    t.true(bytes.subarray(7, 9007).equals(many))
  }
  await file.close()
  mmapRead.release(path)
})

test.serial('a path that is a file, nothing, a directory, and a link to another file in turn', async t => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'path')
  const other = seededFile(folder, 5000, 7)
  for (let round = 0; round < 20; round++) {
    fs.writeFileSync(path, `round ${round}`)
    t.is((await mmapRead(path)).toString(), `round ${round}`)
    t.is((await mmapRead(path, 0, 5)).toString(), 'round')
    fs.rmSync(path)
    await t.throwsAsync(mmapRead(path, 0, 5), { code: 'ENOENT' })
    fs.mkdirSync(path)
    await t.throwsAsync(mmapRead(path, 0, 5), { code: 'ERR_NOT_A_FILE' })
    fs.rmdirSync(path)
    fs.symlinkSync(other, path)
    t.true((await mmapRead(path)).equals(seededBytes(5000, 7)))
    fs.rmSync(path)
  }
  mmapRead.release()
})

test.serial('refresh() many times at once, while the file grows and is read', async t => {
  const path = join(temporaryFolder(t), 'growing')
  const bytes = seededBytes(4 * MiB)
  fs.writeFileSync(path, bytes.subarray(0, 1000))
  const file = await MappedFile.open(path)
  await growAndRefresh(t, file, bytes)
  await file.close()
  await t.notThrowsAsync(untilReleased(path))
})

// A separate function, so that its views become unreachable when it returns.
async function growAndRefresh(t, file, bytes) {
  for (let size = 1000; size < 4 * MiB; size += 99_991) {
    fs.appendFileSync(file.path, bytes.subarray(size, size + 99_991))
    const reads = [file.read(), file.view(0, 500), file.readMany([{ offset: 0, length: 100 }])]
    await Promise.all([file.refresh(), file.refresh(), file.refresh(), ...reads])
    t.is(file.byteLength, fs.statSync(file.path).size)
    t.true(bytes.subarray(0, 1000).equals((await reads[0]).subarray(0, 1000)))
    t.true(bytes.subarray(0, file.byteLength).equals(await file.read()))
  }
}
