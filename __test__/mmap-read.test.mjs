// mmapRead reads the file that is at the path now, and keeps its mapping only while it is used.
//
// Seen to fail: if files are identified by their path alone, the replaced file is read.

import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { mmapRead } from 'faultless'
import { bytesBySync, MiB, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { mappingsOf, untilReleased } from './helpers/process.mjs'

test.serial('maps a file that is read again until release(path)', async t => {
  const folder = temporaryFolder(t)
  const [path, other] = [seededFile(folder, MiB, 1), seededFile(folder, MiB, 2)]
  t.deepEqual(await mmapRead(path, 100, 50), bytesBySync(path, 100, 50))
  t.deepEqual(mappingsOf(path), [], 'one use is not worth a mapping')
  for (const each of [path, other, other]) await mmapRead(each, 100, 50)
  t.deepEqual(mappingsOf(path), ['r--s'])
  mmapRead.release(path)
  await t.notThrowsAsync(untilReleased(path))
  t.deepEqual(mappingsOf(other), ['r--s'], 'the other stays')
  mmapRead.release()
  await t.notThrowsAsync(untilReleased(other))
  t.deepEqual(await mmapRead(path, 100, 50), bytesBySync(path, 100, 50), 'and comes back when asked')
  mmapRead.release(path)
})

test.serial('lets go of a file that has been idle', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  for (let use = 0; use < 3; use += 1) await mmapRead(path, 0, 10, { idle: 600_000 })
  t.deepEqual(mappingsOf(path), ['r--s'])
  // A later call may shorten the time.
  await mmapRead(path, 0, 10, { idle: 20 })
  await t.notThrowsAsync(untilReleased(path))
})

test('a file replaced by rename is noticed', async t => {
  const folder = temporaryFolder(t)
  const path = seededFile(folder, MiB, 1, 'data')
  await mmapRead(path, 0, 100)
  for (const seed of [2, 3, 4]) {
    fs.renameSync(seededFile(folder, MiB, seed, 'next'), path)
    t.deepEqual(await mmapRead(path, 5, 100), seededBytes(MiB, seed).subarray(5, 105))
  }
  mmapRead.release(path)
})

test('a file that grew, or was cut, is noticed', async t => {
  const path = seededFile(temporaryFolder(t), 10_000)
  t.is((await mmapRead(path)).length, 10_000)
  fs.appendFileSync(path, 'appended')
  t.is((await mmapRead(path, 10_000)).toString(), 'appended')
  fs.truncateSync(path, 100)
  t.deepEqual(await mmapRead(path), seededBytes(100))
  fs.writeFileSync(path, 'rewritten')
  t.is((await mmapRead(path)).toString(), 'rewritten')
  mmapRead.release(path)
})

test('a file that is gone is gone, though it was read before', async t => {
  const path = join(temporaryFolder(t), 'gone')
  fs.writeFileSync(path, 'here')
  t.is((await mmapRead(path)).toString(), 'here')
  fs.unlinkSync(path)
  await t.throwsAsync(mmapRead(path), { code: 'ENOENT' })
  mmapRead.release(path)
})

test('many at once, of many files', async t => {
  const folder = temporaryFolder(t)
  const paths = Array.from({ length: 20 }, (_, seed) => seededFile(folder, 50_000, seed + 1))
  const reads = Array.from({ length: 400 }, (_, index) => mmapRead(paths[index % 20], index * 100, 5000))
  const results = await Promise.all(reads)
  t.true(results.every((bytes, index) => bytes.equals(bytesBySync(paths[index % 20], index * 100, 5000))))
  mmapRead.release()
})
