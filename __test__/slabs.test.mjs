// Memory of large results is used again, but never while a Buffer of it is alive.

import test from 'ava'
import { MappedFile } from 'faultless'
import { bytesBySync, KiB, MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { collectGarbage } from './helpers/process.mjs'

const SIZES = [300 * KiB, 512 * KiB, MiB, 2 * MiB + 5]

test('a result keeps its bytes as long as it is held, over collections and later reads', async t => {
  const path = seededFile(temporaryFolder(t), 64 * MiB)
  const file = await MappedFile.open(path)
  let marks = 0
  let held = []
  for (let round = 0; round < 40; round += 1) {
    for (const length of SIZES) {
      const offset = (round * 7_919_111 + length) % (60 * MiB)
      const result = await file.read(offset, length)
      // A mark that only this result has.
      marks += 1
      result.writeUInt32LE(marks, 0)
      held.push({ result, offset, length, mark: marks })
    }
    if (round % 5 !== 4) continue
    await collectGarbage()
    for (const { result, offset, length, mark } of held) {
      t.is(result.length, length)
      if (result.readUInt32LE(0) !== mark) t.fail(`the result at ${offset} was given to another read`)
      const expected = bytesBySync(path, offset, length)
      if (!result.subarray(4).equals(expected.subarray(4)))
        t.fail(`the result at ${offset} has other bytes than the file`)
    }
    // Every other one is let go of, so that its memory comes back for the next rounds.
    held = held.filter((_, index) => index % 2 === 0)
  }
  await file.close()
})

test('memory that was let go of is used again: reading on and on needs no more of it', async t => {
  const path = seededFile(temporaryFolder(t), 16 * MiB)
  const file = await MappedFile.open(path)
  const read = async () => {
    for (let i = 0; i < 300; i += 1) await file.read((i % 14) * MiB, MiB)
    await collectGarbage()
    return process.memoryUsage.rss()
  }
  await read()
  const before = await read()
  for (let round = 0; round < 5; round += 1) await read()
  // 1,500 MiB were read meanwhile.
  t.true((await read()) - before < 128 * MiB)
  await file.close()
})
