// pmtiles over a MappedFile answers what it does over its own FileSource, and says what is wrong with a broken archive.

import { Buffer, File } from 'node:buffer'
import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile } from 'faultless'
import { pmtilesSource } from 'faultless/sources'
import { FileSource, PMTiles, SharedPromiseCache, zxyToTileId } from 'pmtiles'
import { writeArchive } from '../../examples/data/pmtiles.mjs'
import { seededBytes, temporaryFolder } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { unless } from '../helpers/rig.mjs'
import { noSharedData, sharedData } from '../helpers/shared-data.mjs'

const over = async path => new PMTiles(new FileSource(new File([await fs.openAsBlob(path)], path)))

/** Every tile of the zoom levels 0 to 3, of a length of its own. */
function smallArchive(t, seed = 1) {
  const path = join(temporaryFolder(t), 'small.pmtiles')
  const tiles = [0, 1, 2, 3].flatMap(z =>
    Array.from({ length: 4 ** z }, (_, i) => ({ z, x: i % 2 ** z, y: Math.floor(i / 2 ** z) })),
  )
  for (const tile of tiles) tile.id = zxyToTileId(tile.z, tile.x, tile.y)
  tiles.sort((a, b) => a.id - b.id)
  for (const tile of tiles) tile.data = seededBytes(1 + tile.id * 97, seed + tile.id)
  writeArchive(path, tiles, { name: `small ${seed}` })
  return { path, tiles }
}

test('every tile, the header and the metadata are the same as by FileSource', async t => {
  const { path, tiles } = smallArchive(t)
  const file = await MappedFile.open(path)
  const ours = new PMTiles(pmtilesSource(file))
  const theirs = await over(path)
  t.deepEqual(await ours.getHeader(), await theirs.getHeader())
  t.deepEqual(await ours.getMetadata(), { name: 'small 1' })
  const found = await Promise.all(tiles.map(({ z, x, y }) => ours.getZxy(z, x, y)))
  for (const [i, { z, x, y, data }] of tiles.entries()) {
    t.deepEqual(Buffer.from(found[i].data), data)
    t.deepEqual(found[i].data, (await theirs.getZxy(z, x, y)).data)
  }
  t.is(await ours.getZxy(4, 0, 0), undefined)
  await file.close()
  await untilReleased(path)
})

unless(noSharedData)('real archives', async t => {
  for (const path of ['test_fixture_1.pmtiles', 'usgs-mt-whitney-8-15-webp-512.pmtiles'].map(sharedData)) {
    const file = await MappedFile.open(path)
    const ours = new PMTiles(pmtilesSource(file))
    const theirs = await over(path)
    const header = await ours.getHeader()
    t.deepEqual(header, await theirs.getHeader())
    t.deepEqual(await ours.getMetadata(), await theirs.getMetadata())
    let tiles = 0
    for (let z = header.minZoom; z <= header.maxZoom; z++) {
      const column = Math.floor(((header.centerLon + 180) / 360) * 2 ** z)
      const latitude = (header.centerLat * Math.PI) / 180
      const row = Math.floor(((1 - Math.asinh(Math.tan(latitude)) / Math.PI) / 2) * 2 ** z)
      for (const [x, y] of [column, column - 1].flatMap(x => [row, row - 1].map(y => [x, y]))) {
        if (x < 0 || y < 0 || x >= 2 ** z || y >= 2 ** z) continue
        const tile = await ours.getZxy(z, x, y)
        t.deepEqual(tile?.data, (await theirs.getZxy(z, x, y))?.data)
        tiles += tile ? 1 : 0
      }
    }
    t.true(tiles > 0, path)
    await file.close()
  }
})

unless(noSharedData)('what is no archive is refused as by FileSource', async t => {
  for (const path of ['invalid.pmtiles', 'empty.pmtiles'].map(sharedData)) {
    const file = await MappedFile.open(path)
    const theirs = await t.throwsAsync((await over(path)).getHeader(), { any: true })
    const ours = await t.throwsAsync(new PMTiles(pmtilesSource(file)).getHeader(), { any: true })
    t.is(ours.message, theirs.message)
    await file.close()
  }
})

test('a tile that the file has only a part of is no tile: the error names the file and the range', async t => {
  const { path, tiles } = smallArchive(t)
  fs.truncateSync(path, fs.statSync(path).size - 10)
  const file = await MappedFile.open(path)
  const archive = new PMTiles(pmtilesSource(file))
  const { z, x, y, data } = tiles.at(-1)
  const error = await t.throwsAsync(archive.getZxy(z, x, y), { instanceOf: RangeError, code: 'ERR_OUT_OF_RANGE' })
  t.true(error.message.includes(path) && error.message.includes(`${data.length} bytes at offset`))
  t.is((await archive.getZxy(0, 0, 0)).data.byteLength, 1, 'the others are there')
  await file.close()
})

test('a file cut under use, a closed handle, and an aborted signal', async t => {
  const { path, tiles } = smallArchive(t)
  const file = await MappedFile.open(path)
  const archive = new PMTiles(pmtilesSource(file))
  await archive.getZxy(0, 0, 0)
  const reason = new Error('the map was moved')
  const { z, x, y } = tiles.at(-1)
  t.is(await t.throwsAsync(archive.getZxy(z, x, y, AbortSignal.abort(reason))), reason)
  await t.throwsAsync(pmtilesSource(file).getBytes(0, 10, AbortSignal.abort(reason)), { is: reason })
  fs.truncateSync(path, 200)
  await t.throwsAsync(archive.getZxy(z, x, y), { code: 'ERR_FILE_TRUNCATED' })
  await file.close()
  await t.throwsAsync(archive.getZxy(0, 0, 0), { code: 'ERR_FILE_CLOSED' })
  await untilReleased(path)
})

test('positions that a broken directory may hold never count from the end of the file', async t => {
  const { path } = smallArchive(t)
  const file = await MappedFile.open(path)
  const source = pmtilesSource(file)
  for (const [offset, length] of [
    [-1, 10],
    [0, -1],
    [Number.NaN, 10],
    [0.5, 10],
    [2 ** 60, 10],
  ]) {
    await t.throwsAsync(source.getBytes(offset, length), { code: 'ERR_OUT_OF_RANGE' }, `${offset}, ${length}`)
  }
  await file.close()
})

test('an archive that was replaced under its path is not searched by what a shared cache keeps of the old one', async t => {
  const old = smallArchive(t, 1)
  const fresh = smallArchive(t, 50)
  const cache = new SharedPromiseCache()
  const before = await MappedFile.open(old.path)
  t.deepEqual(await new PMTiles(pmtilesSource(before), cache).getMetadata(), { name: 'small 1' })
  fs.renameSync(fresh.path, old.path)
  const after = await MappedFile.open(old.path)
  t.deepEqual(await new PMTiles(pmtilesSource(after), cache).getMetadata(), { name: 'small 50' })
  t.is(pmtilesSource(after, 'my key').getKey(), 'my key')
  await Promise.all([before.close(), after.close()])
})
