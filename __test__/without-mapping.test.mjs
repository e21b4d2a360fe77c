// Behaviour on every platform, also where files are read and not mapped. `npm run test:targets` runs it with such an
// addon.

import fs from 'node:fs'
import { finished } from 'node:stream/promises'
import test from 'ava'
import { allocator, capabilities, MappedFile, mmapRead } from 'faultless'
import { KiB, sameBytes, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'

const LENGTH = 3000 * KiB + 5
const bytes = seededBytes(LENGTH)
const { populate, mapping, guard } = capabilities()

async function open(t, mode = 'r') {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), LENGTH), { flags: mode })
  t.teardown(() => file.close())
  return file
}

test('capabilities say whether files are mapped', t => {
  t.is(populate === 'read', !mapping)
  if (!mapping) t.false(guard)
  if (process.env.FAULTLESS_PORTABLE) t.false(mapping)
})

test('every method of reading returns the bytes of the file', async t => {
  const file = await open(t)
  sameBytes(t, await mmapRead(file.path, 4095, 10_000), bytes.subarray(4095, 14_095))
  sameBytes(t, await file.read(), bytes)
  const into = Buffer.alloc(5000)
  t.is(await file.readInto(into, LENGTH - 100), 100)
  t.deepEqual(into.subarray(0, 100), bytes.subarray(-100))
  const ranges = [7, 1_000_000, 4096].map(offset => ({ offset, length: 333 }))
  const expected = ranges.map(({ offset, length }) => bytes.subarray(offset, offset + length))
  t.deepEqual(await file.readMany(ranges), expected)
  t.deepEqual(Buffer.from(await file.slice(10, 20)), bytes.subarray(10, 20))
  await file.prefault()
  const now = file.tryRead(0, 100)
  if (now) t.deepEqual(now, bytes.subarray(0, 100))
  const parts = []
  const stream = file.createReadStream({ start: 3, end: 200_000 }).on('data', part => parts.push(part))
  await finished(stream)
  sameBytes(t, Buffer.concat(parts), bytes.subarray(3, 200_001))
})

test('views are the bytes of the file, and stores to them stay there', async t => {
  const file = await open(t)
  t.is(file.backend, mapping ? 'mapped' : 'read')
  const view = await file.view(10, 20)
  t.deepEqual(view, bytes.subarray(10, 30))
  view.fill(1)
  t.deepEqual(await file.read(10, 20), bytes.subarray(10, 30))
  const chunks = []
  for await (const chunk of file.chunks({ chunkSize: 500 * KiB })) chunks.push(Buffer.from(chunk))
  sameBytes(t, Buffer.concat(chunks).subarray(30), bytes.subarray(30))
  await file.close()
  t.deepEqual(view, Buffer.alloc(20, 1))
})

test('calls that need a mapping are refused, and the error names the alternative', async t => {
  const [file, writable] = [await open(t), await open(t, 'r+')]
  if (mapping) {
    await file.lock(0, 100)
    t.deepEqual(await writable.view(10, 20), bytes.subarray(10, 30))
    return
  }
  await t.throwsAsync(file.lock(0, 100), { code: 'ERR_UNSUPPORTED', message: /prefault\(\)/ })
  await t.throwsAsync(writable.view(10, 20), { code: 'ERR_UNSUPPORTED', message: /write\(\)/ })
  t.is(file.tryRead(10, 20), undefined)
  t.is((await file.residency()).resident, undefined)
})

test('written bytes are read, and are in the file', async t => {
  const file = await open(t, 'r+')
  t.is(await file.write(Buffer.from('written'), LENGTH - 3), 7)
  await file.flush()
  t.is(file.byteLength, LENGTH + 4)
  t.is((await file.read(LENGTH - 3, 7)).toString(), 'written')
  t.is(fs.readFileSync(file.path).subarray(-7).toString(), 'written')
})

test('a file that is cut, missing or a folder is an error with its code', async t => {
  const file = await open(t)
  await t.throwsAsync(MappedFile.open(`${file.path}-none`), { code: 'ENOENT' })
  await t.throwsAsync(MappedFile.open(temporaryFolder(t)), { code: 'ERR_NOT_A_FILE' })
  fs.truncateSync(file.path, 1000)
  await t.throwsAsync(file.read(500, 1000), { code: 'ERR_FILE_TRUNCATED' })
  t.is(await file.refresh(), 1000)
  t.deepEqual(await file.read(), bytes.subarray(0, 1000))
})

test('a build without jemalloc refuses it, and names the cure', t => {
  const { jemalloc } = capabilities()
  if (process.env.FAULTLESS_PORTABLE) t.false(jemalloc)
  if (jemalloc) {
    t.is(allocator.stats('jemalloc').allocator, 'jemalloc')
    return
  }
  const message = /no jemalloc.*npm run build:addon.*stay with 'glibc'/
  for (const ask of [() => allocator.use('jemalloc'), () => allocator.stats('jemalloc')]) {
    t.throws(ask, { code: 'ERR_UNSUPPORTED', message })
  }
  allocator.use('glibc')
  t.is(allocator.current, 'glibc')
})
