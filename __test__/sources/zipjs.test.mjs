// zip.js reads the entries of a zip file through a MappedFile.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { zipjsReader } from 'faultless/sources'
import { bytesBySync, temporaryFolder } from '../helpers/files.mjs'
import { peer, withPeers } from '../helpers/peers.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { contents, zipFile } from '../helpers/zip.mjs'

const options = { useWebWorkers: false }

withPeers('@zip.js/zip.js')('every entry is what was zipped, one by one and side by side', async t => {
  const { Uint8ArrayWriter, ZipReader } = await peer('@zip.js/zip.js')
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const zip = new ZipReader(zipjsReader(file), options)
  const entries = await zip.getEntries()
  t.deepEqual(
    entries.map(({ filename }) => filename),
    Object.keys(contents),
  )
  const same = (entry, bytes) => t.true(contents[entry.filename].equals(bytes), entry.filename)
  for (const entry of entries) same(entry, await entry.getData(new Uint8ArrayWriter()))
  const all = await Promise.all(entries.map(entry => entry.getData(new Uint8ArrayWriter())))
  for (const [i, entry] of entries.entries()) same(entry, all[i])
  await zip.close()
  t.false(file.closed, 'who opened the file closes it')
  await file.close()
  await untilReleased(path)
})

withPeers('@zip.js/zip.js')(
  'its streams and reads are those of the file, as zip.js’ own reader gives them',
  async t => {
    const { BlobReader } = await peer('@zip.js/zip.js')
    const path = await zipFile(temporaryFolder(t))
    const file = await MappedFile.open(path)
    const ours = zipjsReader(file)
    const theirs = new BlobReader(new Blob([fs.readFileSync(path)]))
    const all = async stream => Buffer.from(await new Response(stream).arrayBuffer())
    t.is(ours.size, theirs.size)
    t.true((await all(ours.readable)).equals(bytesBySync(path, 0, ours.size)))
    for (const part of [
      undefined,
      {},
      { offset: 100 },
      { offset: 70_000, size: 290_000 },
      { size: 5 },
      { offset: 9, size: 0 },
    ]) {
      t.true(
        (await all(ours.createReadable(part))).equals(await all(theirs.createReadable(part))),
        JSON.stringify(part),
      )
    }
    for (const [index, length] of [
      [0, 10],
      [1000, 70_000],
      [ours.size - 5, 10],
      [ours.size, 10],
    ]) {
      t.deepEqual(await ours.readUint8Array(index, length), await theirs.readUint8Array(index, length))
    }
    await file.close()
  },
)

withPeers('@zip.js/zip.js')('a cut file, a closed handle and what is no zip file reject', async t => {
  const { Uint8ArrayWriter, ZipReader } = await peer('@zip.js/zip.js')
  const path = await zipFile(temporaryFolder(t))
  const file = await MappedFile.open(path)
  const entries = await new ZipReader(zipjsReader(file), options).getEntries()
  const stored = entries.find(({ filename }) => filename === 'stored')
  fs.truncateSync(path, 5000)
  await t.throwsAsync(stored.getData(new Uint8ArrayWriter()), { code: 'ERR_FILE_TRUNCATED' })
  await file.refresh()
  const past = zipjsReader(file).createReadable({ offset: 4990, size: 20 })
  await t.throwsAsync(new Response(past).arrayBuffer(), { code: 'ERR_OUT_OF_RANGE' })
  await t.throwsAsync(new ZipReader(zipjsReader(file), options).getEntries(), { message: /central directory/i })
  await file.close()
  await t.throwsAsync(stored.getData(new Uint8ArrayWriter()), { code: 'ERR_FILE_CLOSED' })
  await untilReleased(path)
})
