// readMany, readManySettled and readManyInto: results in the requested order, and one bad range among good ones.

import { constants } from 'node:buffer'
import fs from 'node:fs'
import test from 'ava'
import { MappedFile } from 'faultless'
import { bytesBySync, KiB, MiB, PAGE, seededFile, sparseFile, TiB, temporaryFolder } from './helpers/files.mjs'

const tooLong = constants.MAX_LENGTH + 1

test('results come in the order asked, whatever the order in the file', async t => {
  const path = seededFile(temporaryFolder(t), 8 * MiB)
  const file = await MappedFile.open(path)
  const ranges = Array.from({ length: 500 }, (_, index) => ({
    offset: ((index * 7919) % 2000) * PAGE + index,
    length: (index * 131) % 9000,
  }))
  const expected = ranges.map(({ offset, length }) => bytesBySync(path, offset, length))
  t.true((await file.readMany(ranges)).every((bytes, index) => bytes.equals(expected[index])))
  const settled = await file.readManySettled(ranges)
  t.true(settled.every(({ status, value }, index) => status === 'fulfilled' && value.equals(expected[index])))
  await file.close()
})

test('the same range many times, overlapping ranges, and no range at all', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path)
  const same = await file.readMany(Array(100).fill({ offset: 10, length: 5000 }))
  const expected = bytesBySync(path, 10, 5000)
  t.true(same.every(bytes => bytes.equals(expected)))
  same[0].fill(0)
  t.true(same[1].equals(expected), 'each result is memory of its own')
  t.deepEqual(await file.readMany([]), [])
  t.deepEqual(await file.readManySettled([]), [])
  t.is(await file.readManyInto(Buffer.alloc(10), [], 5), 0)
  await file.close()
})

test('ranges changed by the caller after the call change nothing', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const file = await MappedFile.open(path)
  const ranges = [{ offset: 100, length: 100 }]
  const reading = file.readMany(ranges)
  ranges[0].offset = 0
  ranges.push({ offset: 0, length: 1 })
  t.deepEqual(await reading, [bytesBySync(path, 100, 100)])
  const offsets = Float64Array.of(100, 200)
  const target = Buffer.alloc(200)
  const gathering = file.readManyInto(target, offsets, 100)
  offsets.fill(0)
  t.is(await gathering, 200)
  t.deepEqual(target, bytesBySync(path, 100, 200))
  await file.close()
})

test('readMany rejects with the index of the first range that failed', async t => {
  const file = await MappedFile.open(sparseFile(temporaryFolder(t), TiB, [[5, 'good']]))
  const good = { offset: 5, length: 4 }
  const bad = { offset: 0, length: tooLong }
  const error = await t.throwsAsync(file.readMany([good, good, bad, good, bad]), { code: 'ERR_OUT_OF_RANGE' })
  t.is(error.index, 2)
  t.is((await file.read(5, 4)).toString(), 'good', 'the handle goes on')
  await file.close()
})

test('readManySettled: one bad range among good ones fails alone', async t => {
  const file = await MappedFile.open(sparseFile(temporaryFolder(t), TiB, [[TiB - 4, 'good']]))
  const good = { offset: TiB - 4, length: 10 }
  const bad = { offset: 0, length: tooLong }
  const results = await file.readManySettled([good, bad, good, bad, bad, good])
  t.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'rejected', 'fulfilled'],
  )
  for (const { status, value, reason } of results) {
    if (status === 'fulfilled') t.is(value.toString(), 'good')
    else t.is(reason.code, 'ERR_OUT_OF_RANGE')
  }
  await file.close()
})

// Seen to fail: if a long range was truncated, readManySettled() rejected, and the error of readMany() had no index.
for (const [how, length] of [
  ['short', 100],
  ['long', 40 * KiB],
  ['very long', 600 * KiB],
]) {
  test(`of ranges of which a ${how} one was cut, that one is rejected`, async t => {
    const path = seededFile(temporaryFolder(t), 2 * MiB)
    const file = await MappedFile.open(path)
    for (const warm of [false, true]) {
      if (warm) await file.prefault()
      fs.truncateSync(path, MiB)
      const ranges = [
        { offset: 0, length: 100 },
        { offset: 5, length: 100 * KiB },
        { offset: MiB - 50, length },
        { offset: MiB - 100, length: 100 },
        { offset: 2 * MiB - length, length },
      ]
      const settled = await file.readManySettled(ranges)
      const outcomes = settled.map(({ reason }) => reason?.code ?? 'fulfilled')
      const cut = 'ERR_FILE_TRUNCATED'
      t.deepEqual(outcomes, ['fulfilled', 'fulfilled', cut, 'fulfilled', cut], `${warm ? 'warm' : 'not mapped'}`)
      for (const [index, { offset, length }] of ranges.entries()) {
        if (outcomes[index] !== cut) t.true(bytesBySync(path, offset, length).equals(settled[index].value))
      }
      t.like(await file.readMany(ranges).catch(error => error), { code: cut, index: 2 })
      fs.writeFileSync(path, bytesBySync(seededFile(temporaryFolder(t), 2 * MiB), 0, 2 * MiB))
      await file.refresh()
    }
    await file.close()
  })
}

// Seen to fail: the list was refused without an index.
test('a range that fits into no memory is rejected alone', async t => {
  const file = await MappedFile.open(sparseFile(temporaryFolder(t), TiB, [[5, 'good']]))
  const ranges = [
    { offset: 5, length: 4 },
    { offset: 0, length: TiB },
    { offset: 0, length: MiB },
  ]
  const outcomes = (await file.readManySettled(ranges)).map(({ value, reason }) => reason?.code ?? value.length)
  t.deepEqual(outcomes, [4, 'ERR_OUT_OF_RANGE', MiB])
  t.like(await file.readMany(ranges).catch(error => error), { code: 'ERR_OUT_OF_RANGE', index: 1 })
  await file.close()
})
