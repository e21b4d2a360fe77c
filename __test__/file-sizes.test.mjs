// Files of every size: empty, less than a page, odd, larger than 4 GiB, and a sparse one of 1 TiB.

import { constants } from 'node:buffer'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { bytesBySync, GiB, MiB, PAGE, seededFile, sparseFile, TiB, temporaryFolder } from './helpers/files.mjs'
import { compareWithSync, methods } from './helpers/ranges.mjs'
import { rejects } from './helpers/rejects.mjs'
import { unless } from './helpers/rig.mjs'

async function everyMethod(t, path, ranges) {
  const file = await MappedFile.open(path)
  for (const method of Object.keys(methods)) await t.notThrowsAsync(compareWithSync(method, file, path, ranges), method)
  await file.close()
  mmapRead.release(path)
}

test('an empty file gives empty results', async t => {
  const path = seededFile(temporaryFolder(t), 0)
  const file = await MappedFile.open(path)
  t.is(file.byteLength, 0)
  for (const result of [
    await file.read(),
    await file.view(),
    await file.read(10, 10),
    await mmapRead(path),
    file.tryRead(0, 10),
    file.tryView(0, 10),
  ]) {
    t.true(Buffer.isBuffer(result))
    t.is(result.length, 0)
  }
  t.is((await file.slice(0)).byteLength, 0)
  t.is(await file.readInto(Buffer.alloc(10)), 0)
  t.is(file.tryReadInto(Buffer.alloc(10), 0), 0)
  await file.prefault()
  const { pages, mapped } = await file.residency()
  t.deepEqual([pages, mapped], [0, 0])
  for await (const chunk of file.chunks()) t.fail(`a chunk of ${chunk.length} bytes`)
  await file.close()
})

for (const size of [1, PAGE - 1, PAGE, PAGE + 1, MiB + 13]) {
  test(`a file of ${size} bytes, cut at its end by every method`, async t => {
    const path = seededFile(temporaryFolder(t), size)
    const edges = [0, 1, size - 1, size, size + 1, size + 3 * PAGE].filter(offset => offset >= 0)
    const ranges = edges.flatMap(offset => [0, 1, PAGE, size].map(length => ({ offset, length })))
    await everyMethod(t, path, ranges)
  })
}

test('offsets past 4 GiB, up to the end of a sparse file of 1 TiB, by every method', async t => {
  const marks = [
    [4 * GiB - 4, 'four GiB'],
    [5 * GiB + 3, 'five GiB'],
    [TiB / 2 + 1, 'half'],
    [TiB - 8, 'the end.'],
  ]
  const path = sparseFile(temporaryFolder(t), TiB, marks)
  t.is(bytesBySync(path, TiB - 8, 100).toString(), 'the end.', 'the oracle itself reads there')
  const ranges = marks.flatMap(([offset, text]) => [
    { offset, length: text.length },
    { offset: BigInt(offset) - 3n, length: PAGE + 6 },
    { offset: offset - 2 * MiB, length: 4 * MiB },
  ])
  await everyMethod(t, path, ranges)
  const file = await MappedFile.open(path)
  t.is(file.byteLength, TiB)
  t.is((await file.read(TiB - 8)).toString(), 'the end.', 'to the end by default')
  t.is((await file.view(TiB - 8)).toString(), 'the end.')
  t.is(Buffer.from(await file.slice(-8)).toString(), 'the end.')
  await file.close()
})

test('one view over hundreds of MiB, and small ones at every odd place, hold the right bytes', async t => {
  const size = 300 * MiB
  const marks = Array.from({ length: 300 }, (_, index) => [index * MiB - (index ? 3 : 0), `mark ${index}`])
  const path = sparseFile(temporaryFolder(t), size, marks)
  const file = await MappedFile.open(path)
  const whole = await file.view()
  t.is(whole.length, size)
  for (const [offset, text] of marks) {
    t.is(whole.toString('utf8', offset, offset + text.length), text)
    t.is((await file.view(offset, text.length)).toString(), text)
  }
  await file.close()
})

const tooLong = constants.MAX_LENGTH + 1
const noneTooLong = tooLong > TiB ? 'no file is too long for a Buffer of this Node' : undefined
unless(noneTooLong)('a length over the largest Buffer is refused where the file has the bytes', async t => {
  const path = sparseFile(temporaryFolder(t), TiB)
  const file = await MappedFile.open(path)
  const expected = { type: RangeError, code: 'ERR_OUT_OF_RANGE' }
  for (const [name, call] of Object.entries({
    read: () => file.read(0, tooLong),
    'read to the end': () => file.read(),
    readMany: () => file.readMany([{ offset: 0, length: tooLong }]),
    view: () => file.view(5, tooLong),
    'view to the end': () => file.view(),
    slice: () => file.slice(0),
    mmapRead: () => mmapRead(path, 0, tooLong),
  })) {
    const error = await rejects(t, call, expected, name)
    t.true(error.message.includes(path), `${name}: the message names the file: ${error.message}`)
  }
  t.throws(() => file.tryRead(0, tooLong), { instanceOf: RangeError, code: expected.code })
  t.throws(() => file.tryView(0, tooLong), { instanceOf: RangeError, code: expected.code })
  await file.close()
  mmapRead.release(path)
})

test('a length over the largest Buffer is cut at the end of the file first', async t => {
  const path = seededFile(temporaryFolder(t), 100)
  const file = await MappedFile.open(path)
  const expected = bytesBySync(path, 40, 60)
  for (const length of [constants.MAX_LENGTH + 1, Number.MAX_SAFE_INTEGER].filter(Number.isSafeInteger)) {
    t.deepEqual(await file.read(40, length), expected)
    t.deepEqual(Buffer.from(await file.view(40, length)), expected)
    t.deepEqual(await mmapRead(path, 40, length), expected)
    t.deepEqual(file.tryRead(40, length), expected)
    t.deepEqual(Buffer.from(await file.slice(40, length)), expected)
    t.deepEqual(await file.readMany([{ offset: 40, length }]), [expected])
  }
  await file.close()
  mmapRead.release(path)
})

test('a copy of the last record is short in readManyInto, as at the end of any read', async t => {
  const path = seededFile(temporaryFolder(t), 100)
  const file = await MappedFile.open(path)
  const target = Buffer.alloc(30, 1)
  t.is(await file.readManyInto(target, [0, 50, 95], 10), 25)
  t.deepEqual(target.subarray(0, 10), bytesBySync(path, 0, 10))
  t.deepEqual(target.subarray(10, 20), bytesBySync(path, 50, 10))
  t.deepEqual(target.subarray(20, 25), bytesBySync(path, 95, 5))
  t.deepEqual(target.subarray(25), Buffer.alloc(5, 1), 'nothing behind the last byte of the file')
  await file.close()
})
