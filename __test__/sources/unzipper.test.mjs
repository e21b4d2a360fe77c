// unzipper reads a zip file's directory and entries through a MappedFile, as it does through a path.

import fs from 'node:fs'
import { buffer } from 'node:stream/consumers'
import test from 'ava'
import { MappedFile } from 'faultless'
import { unzipperSource } from 'faultless/sources'
import { Open } from 'unzipper'
import { temporaryFolder } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { contents, zipFile } from '../helpers/zip.mjs'

test('the directory and every entry are the same as by Open.file', async t => {
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const ours = await Open.custom(unzipperSource(file))
  const theirs = await Open.file(path)
  const described = ({ files }) => files.map(({ path, uncompressedSize, crc32 }) => ({ path, uncompressedSize, crc32 }))
  t.deepEqual(described(ours), described(theirs))
  const bytes = await Promise.all(ours.files.map(entry => entry.buffer()))
  for (const [i, entry] of ours.files.entries()) t.true(contents[entry.path].equals(bytes[i]), entry.path)
  await file.close()
  await untilReleased(path)
})

test('extract() writes all of it', async t => {
  const folder = temporaryFolder(t)
  const file = await MappedFile.open(await zipFile(folder))
  const directory = await Open.custom(unzipperSource(file))
  await directory.extract({ path: `${folder}/out`, concurrency: 3 })
  for (const [name, bytes] of Object.entries(contents)) {
    t.true(bytes.equals(fs.readFileSync(`${folder}/out/${name}`)), name)
  }
  await file.close()
})

test('a length of 0, NaN or none at all goes to the end, as it does in Open.file', async t => {
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const source = unzipperSource(file)
  const rest = fs.readFileSync(path).subarray(1000)
  for (const length of [undefined, 0, Number.NaN, null, rest.length, rest.length + 1000]) {
    t.true(rest.equals(await buffer(source.stream(1000, length))), String(length))
  }
  t.is((await buffer(source.stream(1000, 5))).length, 5)
  t.is((await buffer(source.stream(file.byteLength, 0))).length, 0)
  await file.close()
})

test('a file cut under use, a closed handle and what is no zip file reject, and end no process', async t => {
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const directory = await Open.custom(unzipperSource(file))
  const stored = directory.files.find(entry => entry.path === 'stored')
  fs.truncateSync(path, 5000)
  await t.throwsAsync(stored.buffer(), { code: 'ERR_FILE_TRUNCATED' })
  await t.throwsAsync(Promise.resolve(Open.custom(unzipperSource(file))), { code: 'ERR_FILE_TRUNCATED' })
  await file.close()
  await t.throwsAsync(stored.buffer(), { code: 'ERR_FILE_CLOSED' })
  await t.throwsAsync(Promise.resolve(Open.custom(unzipperSource(file))), { code: 'ERR_FILE_CLOSED' })
  const cut = await MappedFile.open(path)
  await t.throwsAsync(Promise.resolve(Open.custom(unzipperSource(cut))), { message: 'FILE_ENDED' })
  await cut.close()
  await untilReleased(path)
})
