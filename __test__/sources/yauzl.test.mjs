// yauzl streams the entries of a zip file through a MappedFile, as it does through a descriptor.

import fs from 'node:fs'
import { buffer } from 'node:stream/consumers'
import test from 'ava'
import { MappedFile } from 'faultless'
import { yauzlReader } from 'faultless/sources'
import yauzl from 'yauzl'
import { temporaryFolder } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { contents, zipFile } from '../helpers/zip.mjs'

const opened = (file, options) =>
  yauzl.fromRandomAccessReaderPromise(yauzlReader(file, yauzl.RandomAccessReader), file.byteLength, options)

test('every entry is what was zipped', async t => {
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const zip = await opened(file)
  const found = {}
  for await (const entry of zip.eachEntry()) {
    found[entry.fileName] = await buffer(await zip.openReadStreamPromise(entry))
  }
  t.deepEqual(Object.keys(found), Object.keys(contents))
  for (const [name, bytes] of Object.entries(contents)) t.true(bytes.equals(found[name]), name)
  t.false(file.closed, 'yauzl has closed its reader, not the file')
  await file.close()
  await untilReleased(path)
})

test('entries side by side, and a part of one', async t => {
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const zip = await opened(file, { autoClose: false })
  const entries = []
  for await (const entry of zip.eachEntry()) entries.push(entry)
  const streams = await Promise.all(entries.map(entry => zip.openReadStreamPromise(entry)))
  const results = await Promise.all(streams.map(stream => buffer(stream)))
  for (const [i, { fileName }] of entries.entries()) t.true(contents[fileName].equals(results[i]), fileName)
  const stored = entries.find(({ fileName }) => fileName === 'stored')
  const part = await buffer(await zip.openReadStreamPromise(stored, { start: 1000, end: 250_000 }))
  t.true(contents.stored.subarray(1000, 250_000).equals(part))
  zip.close()
  await file.close()
})

test('a stream that is destroyed half way leaves the file usable', async t => {
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const zip = await opened(file, { autoClose: false })
  for await (const entry of zip.eachEntry()) {
    const stream = await zip.openReadStreamPromise(entry)
    for await (const chunk of stream) {
      t.true(chunk.length > 0)
      break
    }
    t.true(stream.destroyed)
  }
  zip.close()
  t.is((await file.slice(0, 4)).byteLength, 4)
  await file.close()
  await untilReleased(path)
})

test('a cut file, a file cut under use, a closed handle and what is no zip file reject', async t => {
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const zip = await opened(file, { autoClose: false })
  const entries = []
  for await (const entry of zip.eachEntry()) entries.push(entry)
  fs.truncateSync(path, 5000)
  const large = entries.find(({ fileName }) => fileName === 'stored')
  await t.throwsAsync(zip.openReadStreamPromise(large).then(buffer), { code: 'ERR_FILE_TRUNCATED' })
  zip.close()
  await file.close()
  await t.throwsAsync(opened(file), { code: 'ERR_FILE_CLOSED' })
  const cut = await MappedFile.open(path)
  await t.throwsAsync(opened(cut), { message: /end of central directory/i })
  await cut.close()
  await untilReleased(path)
})
