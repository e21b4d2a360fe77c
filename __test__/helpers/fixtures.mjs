// The small files that examples in the documentation read, under their names there.

import fs from 'node:fs'
import { dirname } from 'node:path'
import { Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { writeArrayBuffer } from 'geotiff'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { zxyToTileId } from 'pmtiles'
import * as zarr from 'zarrita'
import { writeArchive } from '../../examples/data/pmtiles.mjs'
import { KiB, seededBytes } from './files.mjs'
import { pdfFile } from './pdf.mjs'
import { sharedData } from './shared-data.mjs'
import { newDatabase } from './sqlite.mjs'
import { wavFile } from './wav.mjs'
import { writeZip } from './zip.mjs'

const write = bytes => path => fs.writeFileSync(path, bytes)

/** Each writes the file. */
export const fixtures = {
  'app.js': write(''),
  'server.js': write(''),
  'worker.js': write(''),
  'big.bin': write(seededBytes(300 * KiB, 3)),
  'embeddings.f32': write(Float32Array.from(seededBytes(64 * KiB, 2), byte => byte / 255 - 0.5)),
  'reads.bam': write(seededBytes(KiB, 1)),
  'tiles.pmtiles'(path) {
    const tiles = [
      [0, 0, 0],
      [1, 0, 0],
      [1, 0, 1],
    ]
    const data = Buffer.alloc(1000, 'tile')
    writeArchive(
      path,
      tiles.map(([z, x, y]) => ({ z, x, y, id: zxyToTileId(z, x, y), data })),
    )
  },
  'people.parquet'(path) {
    const height = Array.from({ length: 1000 }, (_, i) => 1.5 + (i % 50) / 100)
    fs.writeFileSync(path, Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'height', data: height }] })))
  },
  async 'elevations.tif'(path) {
    const heights = Float32Array.from({ length: 40 * 30 }, (_, i) => i)
    fs.writeFileSync(path, Buffer.from(await writeArrayBuffer(heights, { width: 40, height: 30 })))
  },
  'measurements.arrow'(path) {
    const value = vectorFromArray(Float64Array.from({ length: 1000 }, Math.sqrt))
    fs.writeFileSync(path, tableToIPC(new Table({ value }), 'file'))
  },
  'archive.zip': path => writeZip(path, { 'a.txt': Buffer.from('a'), 'b.txt': Buffer.alloc(10_000, 'b') }),
  async 'temperatures.zip'(path) {
    const store = new Map()
    const shape = [20, 20]
    const array = await zarr.create(zarr.root(store), { shape, chunkShape: [10, 10], dtype: 'float32' })
    await zarr.set(array, null, { data: new Float32Array(400).fill(20), shape, stride: [20, 1] })
    await writeZip(path, Object.fromEntries([...store].map(([key, bytes]) => [key.slice(1), Buffer.from(bytes)])))
  },
  'tone.wav': path => wavFile(dirname(path)),
  'report.pdf': path => pdfFile(dirname(path)),
  async 'people.db'(path) {
    const db = await newDatabase()
    db.run('create table people (name text)')
    db.run("insert into people values ('Ada'), ('Grace')")
    fs.writeFileSync(path, db.export())
    db.close()
  },
  'GeoLite2-City.mmdb'(path) {
    fs.copyFileSync(sharedData('GeoIP2-City-Test.mmdb'), path)
  },
}

/** Those of them that are made of other projects' files. */
export const ofSharedData = ['GeoLite2-City.mmdb']
