// Random ranges of a real file, by every method, have the bytes that fs.readSync reads.

import test from 'ava'
import { MappedFile } from 'faultless'
import { MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { compareWithSync, methods, randomRanges } from './helpers/ranges.mjs'

const COUNT = 10_000

const folder = temporaryFolder()
const size = 64 * MiB - 1777
const path = seededFile(folder, size)
const ranges = randomRanges(size, COUNT, 2)

for (const method of Object.keys(methods)) {
  test.serial(`${method}: ${COUNT} random ranges are equal to those of fs.readSync`, async t => {
    const file = await MappedFile.open(path)
    await t.notThrowsAsync(compareWithSync(method, file, path, ranges))
    await file.close()
  })
}

test.serial('the whole file at once, by every method that has a default for it', async t => {
  const file = await MappedFile.open(path)
  const whole = [{ offset: 0, length: size }]
  for (const method of ['read', 'readInto', 'readMany', 'view', 'chunks', 'slice', 'mmapRead']) {
    await t.notThrowsAsync(compareWithSync(method, file, path, whole))
  }
  t.is((await file.read()).length, size)
  t.is((await file.view()).length, size)
  t.is((await file.slice(0)).byteLength, size)
  let length = 0
  for await (const chunk of file.chunks()) length += chunk.length
  t.is(length, size)
  await file.close()
})
