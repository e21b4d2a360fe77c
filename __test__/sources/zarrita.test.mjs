// zarrita reads an array out of a zip file through a MappedFile, as it does out of a Blob.

// zarrita reads an array out of a zip file through a MappedFile, as it does out of a Blob.

import fs from 'node:fs'
import { join } from 'node:path'
import ZipFileStore from '@zarrita/storage/zip'
import test from 'ava'
import { MappedFile } from 'faultless'
import { zarritaReader } from 'faultless/sources'
import * as zarr from 'zarrita'
import { temporaryFolder } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { writeZip } from '../helpers/zip.mjs'

const SHAPE = [64, 48]

/** An array of 16 × 16 chunks, written by zarrita into a Map, and zipped. */
async function temperatures(t) {
  const store = new Map()
  const array = await zarr.create(zarr.root(store), { shape: SHAPE, chunkShape: [16, 16], dtype: 'float32' })
  const values = Float32Array.from({ length: SHAPE[0] * SHAPE[1] }, (_, i) => i / 7)
  await zarr.set(array, null, { data: values, shape: SHAPE, stride: [SHAPE[1], 1] })
  const path = join(temporaryFolder(t), 'temperatures.zip')
  await writeZip(path, Object.fromEntries([...store].map(([key, bytes]) => [key.slice(1), Buffer.from(bytes)])))
  return { path, values }
}

test('an array and a selection of it are the same as from a Blob', async t => {
  const { path, values } = await temperatures(t)
  const file = await MappedFile.open(path)
  const ours = await zarr.open(new ZipFileStore(zarritaReader(file)), { kind: 'array' })
  const theirs = await zarr.open(ZipFileStore.fromBlob(await fs.openAsBlob(path)), { kind: 'array' })
  t.deepEqual((await zarr.get(ours)).data, values)
  const selection = [zarr.slice(10, 50), zarr.slice(5, 40)]
  t.deepEqual(await zarr.get(ours, selection), await zarr.get(theirs, selection))
  await file.close()
  await untilReleased(path)
})

test('a cut file, a closed handle and what is no zip file reject', async t => {
  const { path } = await temperatures(t)
  const file = await MappedFile.open(path)
  const array = await zarr.open(new ZipFileStore(zarritaReader(file)), { kind: 'array' })
  fs.truncateSync(path, 100)
  await t.throwsAsync(zarr.get(array), { code: 'ERR_FILE_TRUNCATED' })
  await file.close()
  await t.throwsAsync(zarr.get(array), { code: 'ERR_FILE_CLOSED' })
  const cut = await MappedFile.open(path)
  await t.throwsAsync(zarr.open(new ZipFileStore(zarritaReader(cut)), { kind: 'array' }), { message: /zip/i })
  await cut.close()
  await untilReleased(path)
})
