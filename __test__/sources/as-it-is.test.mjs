// Packages that need no adapter read a MappedFile by its own methods, and find what is in the file.

import fs from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { MappedFile } from 'faultless'
import { mappedBlob } from 'faultless/sources'
import { writeArrayBuffer } from 'geotiff'
import { seededBytes, temporaryFolder } from '../helpers/files.mjs'
import { peer, withPeers } from '../helpers/peers.mjs'

/** An open file of these bytes, which is closed after the test. */
async function opened(t, bytes) {
  const path = join(temporaryFolder(t), 'file')
  fs.writeFileSync(path, bytes)
  const file = await MappedFile.open(path)
  t.teardown(() => file.close())
  return file
}

withPeers('tar-stream')('tar-stream extracts createReadStream()', async t => {
  const { default: tar } = await peer('tar-stream')
  const entries = { 'a.txt': Buffer.from('a'), 'b.bin': seededBytes(300_000, 3) }
  const pack = tar.pack()
  for (const [name, bytes] of Object.entries(entries)) pack.entry({ name }, bytes)
  pack.finalize()
  const chunks = []
  for await (const chunk of pack) chunks.push(chunk)
  const file = await opened(t, Buffer.concat(chunks))
  const found = {}
  const extract = tar.extract()
  const extracting = (async () => {
    for await (const entry of extract) {
      const parts = []
      for await (const part of entry) parts.push(part)
      found[entry.header.name] = Buffer.concat(parts)
    }
  })()
  await Promise.all([pipeline(file.createReadStream(), extract), extracting])
  t.deepEqual(found, entries)
})

withPeers('sql.js')('sql.js opens a view', async t => {
  const { Database } = await (await peer('sql.js')).default()
  const made = new Database()
  made.run("create table people (name text); insert into people values ('Ada'), ('Grace')")
  const file = await opened(t, made.export())
  made.close()
  const db = new Database(await file.view())
  t.deepEqual(db.exec('select name from people order by 1')[0].values, [['Ada'], ['Grace']])
  db.close()
})

withPeers('exifr')('exifr parses a view', async t => {
  const { default: exifr } = await peer('exifr')
  // A TIFF with one entry: 0x010f, the maker, is an ASCII text of 8 bytes at offset 26.
  const tiff = Buffer.from('49492a00080000000100' + '0f010200080000001a000000' + '00000000', 'hex')
  const exif = Buffer.concat([Buffer.from('Exif\0\0'), tiff, Buffer.from('Ourselv\0')])
  const length = Buffer.alloc(2)
  length.writeUInt16BE(exif.length + 2)
  const jpeg = Buffer.concat([Buffer.from('ffd8ffe1', 'hex'), length, exif, Buffer.from('ffd9', 'hex')])
  const file = await opened(t, jpeg)
  t.is((await exifr.parse(await file.view())).Make, 'Ourselv')
})

withPeers('flatgeobuf')('flatgeobuf deserializes a view, and the stream of a Blob', async t => {
  const { geojson } = await peer('flatgeobuf')
  const features = [1, 2, 3].map(value => ({
    type: 'Feature',
    properties: { value },
    geometry: { type: 'Point', coordinates: [value, 50 + value] },
  }))
  const file = await opened(t, geojson.serialize({ type: 'FeatureCollection', features }))
  for (const source of [await file.view(), mappedBlob(file).stream()]) {
    const values = []
    for await (const { properties } of geojson.deserialize(source)) values.push(properties.value)
    t.deepEqual(values.sort(), [1, 2, 3])
  }
})

withPeers('copc')('copc gets ranges by read()', async t => {
  const { Getter, Las } = await peer('copc')
  const las = Buffer.alloc(1000)
  las.write('LASF')
  las.writeUInt8(1, 24)
  las.writeUInt8(4, 25)
  las.write('faultless', 58)
  las.writeUInt16LE(375, 94)
  las.writeUInt32LE(375 + 54 + 10, 96)
  las.writeUInt32LE(1, 100)
  // One record of 10 bytes behind the header.
  las.write('copc', 375 + 2)
  las.writeUInt16LE(1, 375 + 18)
  las.writeUInt16LE(10, 375 + 20)
  las.write('ten bytes.', 375 + 54)
  const file = await opened(t, las)
  const get = Getter.create((begin, end) => file.read(begin, end - begin))
  const header = Las.Header.parse(await get(0, Las.Constants.minHeaderLength))
  t.is(header.generatingSoftware, 'faultless')
  const [vlr] = await Las.Vlr.walk(get, header)
  t.is(vlr.userId, 'copc')
  t.is(Buffer.from(await Las.Vlr.fetch(get, vlr)).toString(), 'ten bytes.')
})

withPeers('@cogeotiff/core')('@cogeotiff/core fetches by slice()', async t => {
  const { Tiff } = await peer('@cogeotiff/core')
  const values = Float32Array.from({ length: 40 * 30 }, (_, i) => i)
  const file = await opened(t, Buffer.from(await writeArrayBuffer(values, { width: 40, height: 30 })))
  const tiff = await Tiff.create({
    url: new URL('file:///elevations.tif'),
    metadata: { size: file.byteLength },
    fetch: (offset, length, options) =>
      file.slice(offset, length === undefined ? undefined : offset + length, { signal: options?.signal }),
  })
  t.deepEqual(tiff.images[0].size, { width: 40, height: 30 })
})

withPeers('@huggingface/gguf')('@huggingface/gguf fetches by slice()', async t => {
  const { gguf } = await peer('@huggingface/gguf')
  const text = value => {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(value.length))
    return Buffer.concat([length, Buffer.from(value)])
  }
  // Version 3, no tensor, one entry, which is a text.
  const head = Buffer.from('47475546' + '03000000' + '0000000000000000' + '0100000000000000', 'hex')
  const entry = [text('general.architecture'), Buffer.from('08000000', 'hex'), text('llama')]
  const file = await opened(t, Buffer.concat([head, ...entry, Buffer.alloc(64)]))
  const { metadata } = await gguf('http://localhost/model.gguf', {
    async fetch(_url, { headers }) {
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(new Headers(headers).get('range'))
      return new Response(await file.slice(Number(first), Number(last) + 1), { status: 206 })
    },
  })
  t.is(metadata['general.architecture'], 'llama')
})
