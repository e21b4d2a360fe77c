// slice(): an ArrayBuffer of exactly the range, the caller's to transfer (hyparquet's AsyncBuffer).

import test from 'ava'
import { MappedFile } from 'faultless'
import { bytesBySync, MiB, seededFile, temporaryFolder } from './helpers/files.mjs'

const size = 3 * MiB + 17
const path = seededFile(temporaryFolder(), size)

test('counts negative positions from the end, as ArrayBuffer.prototype.slice does', async t => {
  const file = await MappedFile.open(path)
  const model = bytesBySync(path, 0, size)
  for (const [start, end] of [
    [0],
    [-8],
    [-8, -4],
    [10, -10],
    [10, 5],
    [size - 5, size + 5],
    [size + 5],
    [-size - 5, 10],
    [-size - 5, -size - 2],
    [100, 100],
    [0, undefined],
  ]) {
    const result = await file.slice(start, end)
    const expected = model.buffer.slice(model.byteOffset, model.byteOffset + size).slice(start, end)
    t.true(result instanceof ArrayBuffer)
    t.is(result.byteLength, expected.byteLength, `${start}, ${end}`)
    t.true(Buffer.from(result).equals(Buffer.from(expected)), `${start}, ${end}`)
  }
  await file.close()
})

test('the result can be transferred, whatever its size', async t => {
  const file = await MappedFile.open(path)
  for (const length of [0, 1, 1000, 100_000, 2 * MiB]) {
    const result = await file.slice(7, 7 + length)
    const moved = structuredClone(result, { transfer: [result] })
    t.is(result.byteLength, 0, 'it went away')
    t.true(Buffer.from(moved).equals(bytesBySync(path, 7, length)))
    t.true(Buffer.from(await file.slice(7, 7 + length)).equals(bytesBySync(path, 7, length)), 'the file goes on')
  }
  await file.close()
})

test('the result is the caller’s own memory', async t => {
  const file = await MappedFile.open(path)
  const [one, other] = await Promise.all([file.slice(0, 5000), file.slice(0, 5000)])
  new Uint8Array(one).fill(0)
  t.true(Buffer.from(other).equals(bytesBySync(path, 0, 5000)))
  t.true((await file.read(0, 5000)).equals(bytesBySync(path, 0, 5000)))
  await file.close()
})
