// geotiff over a MappedFile gives the rasters that it gives over its own file source.

import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile } from 'faultless'
import { geotiffSource } from 'faultless/sources'
import { fromFile, GeoTIFF, writeArrayBuffer } from 'geotiff'
import { bytesBySync, temporaryFolder } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'

const WIDTH = 600
const HEIGHT = 400

async function elevations(t) {
  const path = join(temporaryFolder(t), 'elevations.tif')
  const values = Float32Array.from({ length: WIDTH * HEIGHT }, (_, i) => Math.sin(i) * 4000)
  fs.writeFileSync(path, Buffer.from(await writeArrayBuffer(values, { width: WIDTH, height: HEIGHT })))
  return { path, values }
}

test('the rasters of the whole and of a window are the same as from fromFile', async t => {
  const { path, values } = await elevations(t)
  const file = await MappedFile.open(path)
  const ours = await GeoTIFF.fromSource(geotiffSource(file))
  const theirs = await fromFile(path)
  const [image, model] = [await ours.getImage(), await theirs.getImage()]
  t.deepEqual([image.getWidth(), image.getHeight()], [WIDTH, HEIGHT])
  t.deepEqual((await image.readRasters())[0], values)
  for (const window of [
    [0, 0, 10, 10],
    [100, 50, 333, 222],
    [WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT],
  ]) {
    t.deepEqual((await image.readRasters({ window }))[0], (await model.readRasters({ window }))[0])
  }
  await theirs.close()
  await ours.close()
  t.false(file.closed, 'who opened it closes it')
  t.is(await file.slice(0, 4).then(bytes => bytes.byteLength), 4)
  await file.close()
  await untilReleased(path)
})

test('all slices of a fetch are asked for in one turn, and each begins its own ArrayBuffer', async t => {
  const { path } = await elevations(t)
  const file = await MappedFile.open(path)
  let asked = 0
  file.slice = (...range) => {
    asked++
    return MappedFile.prototype.slice.apply(file, range)
  }
  const slices = Array.from({ length: 100 }, (_, i) => ({ offset: i * 997, length: 1 + i * 31 }))
  const fetching = geotiffSource(file).fetch(slices)
  t.is(asked, slices.length, 'before anything else can run')
  const fetched = await fetching
  for (const [i, { offset, length }] of slices.entries()) {
    t.true(Buffer.from(fetched[i]).equals(bytesBySync(path, offset, length)))
  }
  t.is(geotiffSource(file).fileSize, file.byteLength)
  await file.close()
})

test('past the end slices are shorter, as those of an ArrayBuffer are', async t => {
  const { path } = await elevations(t)
  const file = await MappedFile.open(path)
  const size = file.byteLength
  const source = geotiffSource(file)
  const lengths = (await source.fetch([size - 5, size, size + 5].map(offset => ({ offset, length: 10 })))).map(
    bytes => bytes.byteLength,
  )
  t.deepEqual(lengths, [5, 0, 0])
  const { data, ...slice } = await source.fetchSlice({ offset: 3, length: 4 })
  t.deepEqual(slice, { offset: 3, length: 4 })
  t.deepEqual(Buffer.from(data), bytesBySync(path, 3, 4))
  await file.close()
})

test('a cut file, a closed handle, an aborted signal and what is no TIFF reject', async t => {
  const { path } = await elevations(t)
  const file = await MappedFile.open(path)
  const image = await (await GeoTIFF.fromSource(geotiffSource(file))).getImage()
  const reason = new Error('the map was moved')
  t.is(await t.throwsAsync(geotiffSource(file).fetch([{ offset: 0, length: 9 }], AbortSignal.abort(reason))), reason)
  await t.throwsAsync(image.readRasters({ signal: AbortSignal.abort(reason) }), { any: true })
  fs.truncateSync(path, 5000)
  await t.throwsAsync(image.readRasters(), { any: true, code: 'ERR_FILE_TRUNCATED' })
  await file.close()
  await t.throwsAsync(image.readRasters(), { any: true, code: 'ERR_FILE_CLOSED' })
  fs.writeFileSync(path, 'no TIFF')
  const other = await MappedFile.open(path)
  await t.throwsAsync(GeoTIFF.fromSource(geotiffSource(other)), { instanceOf: TypeError, message: /byte order/i })
  await other.close()
  await untilReleased(path)
})
