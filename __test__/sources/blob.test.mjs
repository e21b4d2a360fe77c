// A Blob over a MappedFile gives its bytes wherever a Blob is read, and refuses where a copy of it would be empty.

import fs from 'node:fs'
import http from 'node:http'
import { inspect } from 'node:util'
import test from 'ava'
import { MappedFile } from 'faultless'
import { mappedBlob } from 'faultless/sources'
import { bytesBySync, MiB, seededFile, temporaryFolder } from '../helpers/files.mjs'
import { peer, withPeers } from '../helpers/peers.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { unless } from '../helpers/rig.mjs'
import { noSharedData, sharedData } from '../helpers/shared-data.mjs'
import { wavFile } from '../helpers/wav.mjs'
import { contents, zipFile } from '../helpers/zip.mjs'

const SIZE = MiB + 17

async function opened(t, options) {
  const path = seededFile(temporaryFolder(t), SIZE)
  const file = await MappedFile.open(path)
  return { path, file, blob: mappedBlob(file, options), bytes: fs.readFileSync(path) }
}

const same = (t, found, expected, what) => t.true(Buffer.from(found).equals(Buffer.from(expected)), what)

test('it has the given properties, and is a Blob and a File', async t => {
  const { file, blob } = await opened(t, { type: 'Image/PNG', name: 'a.png', lastModified: 5 })
  t.true(blob instanceof Blob && blob instanceof File)
  t.deepEqual([blob.size, blob.type, blob.name, blob.lastModified], [SIZE, 'image/png', 'a.png', 5])
  const plain = mappedBlob(file)
  t.deepEqual([plain.type, plain.name], ['', 'seeded-1'])
  t.true(plain.lastModified > 0)
  t.regex(inspect(blob), /MappedBlob \{\s+size: 1048593,\s+type: 'image\/png',\s+name: 'a.png'/)
  await file.close()
})

test('the bytes are those of the file, however they are read', async t => {
  const { path, file, blob, bytes } = await opened(t)
  same(t, await blob.arrayBuffer(), bytes)
  same(t, await blob.bytes(), bytes)
  t.is(await blob.text(), new TextDecoder().decode(bytes))
  const chunks = []
  for await (const chunk of blob.stream()) chunks.push(chunk)
  t.true(chunks.length > 1)
  same(t, Buffer.concat(chunks), bytes)
  const reader = blob.stream().getReader({ mode: 'byob' })
  const parts = []
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(100_000))
    if (done) break
    parts.push(Buffer.from(value))
  }
  same(t, Buffer.concat(parts), bytes)
  await file.close()
  await untilReleased(path)
})

test('its slices are those of a Blob of the bytes', async t => {
  const { file, blob, bytes } = await opened(t)
  const model = new Blob([bytes])
  const calls = [
    [],
    [10],
    [-10],
    [5, 15],
    [5, -15],
    [15, 5],
    [0, SIZE + 100],
    [SIZE],
    [SIZE + 5],
    [-SIZE - 5, 7],
    [0, 3, 'Text/Plain'],
    [undefined, 8],
  ]
  for (const call of calls) {
    const [ours, theirs] = [blob.slice(...call), model.slice(...call)]
    t.deepEqual([ours.size, ours.type], [theirs.size, theirs.type], inspect(call))
    same(t, await ours.arrayBuffer(), await theirs.arrayBuffer(), inspect(call))
  }
  // Of these Node's own Blob makes something else, or aborts the process.
  const [nan, infinity] = [Number.NaN, Number.POSITIVE_INFINITY]
  for (const [call, size] of [
    [[1.9, 3.9], 2],
    [[nan, 4], 4],
    [['3', '9'], 6],
    [[infinity], 0],
    [[0, infinity], SIZE],
    [[0, -infinity], 0],
  ]) {
    t.is(blob.slice(...call).size, size, inspect(call))
  }
  t.is(await blob.slice(100, 200).slice(-10, -5).text(), await model.slice(100, 200).slice(-10, -5).text())
  const empty = []
  for await (const chunk of blob.slice(3, 3).stream()) empty.push(chunk)
  t.deepEqual(empty, [])
  await file.close()
})

test('a Response, a Request, a form and an upload hold all of the bytes', async t => {
  const { file, blob, bytes } = await opened(t, { type: 'application/x-seeded', name: 'seeded.bin' })
  const response = new Response(blob)
  t.is(response.headers.get('content-type'), 'application/x-seeded')
  same(t, await response.arrayBuffer(), bytes)
  same(t, await new Request('http://localhost/', { method: 'POST', body: blob }).arrayBuffer(), bytes)
  const form = new FormData()
  form.append('file', blob)
  form.append('part', blob.slice(10, 20))
  const received = await new Response(form).formData()
  t.deepEqual([received.get('file').name, received.get('file').size], ['seeded.bin', SIZE])
  same(t, await received.get('file').arrayBuffer(), bytes)
  same(t, await received.get('part').arrayBuffer(), bytes.subarray(10, 20))

  const server = http.createServer((request, answer) => {
    const chunks = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => answer.end(`${request.headers['content-length']} ${Buffer.concat(chunks).equals(bytes)}`))
  })
  t.teardown(() => server.close())
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const sent = await fetch(`http://127.0.0.1:${server.address().port}`, { method: 'POST', body: blob })
  t.is(await sent.text(), `${SIZE} true`)
  await file.close()
})

test('calls that would make an empty copy of it are refused', async t => {
  const { file, blob } = await opened(t)
  const { port1, port2 } = new MessageChannel()
  const copies = {
    'new Blob': () => new Blob([blob]),
    'new Blob of a slice': () => new Blob(['a', blob.slice(0, 5)]),
    'new File': () => new File([blob], 'name'),
    'a form that renames it': () => new FormData().append('file', blob, 'name'),
    structuredClone: () => structuredClone(blob),
    'structuredClone of what holds it': () => structuredClone({ held: [blob] }),
    postMessage: () => port1.postMessage(blob),
    'a URL': () => URL.createObjectURL(blob),
  }
  for (const [what, copy] of Object.entries(copies)) {
    t.throws(copy, { code: 'ERR_UNSUPPORTED', message: /arrayBuffer\(\)/ }, what)
  }
  port2.close()
  await file.close()
})

test('unknown options, a file that became shorter and a closed handle are refused', async t => {
  const { path, file, blob } = await opened(t)
  t.throws(() => mappedBlob(file, { mime: 'image/png' }), { code: 'ERR_INVALID_ARG_VALUE', message: /mime/ })
  t.throws(() => mappedBlob(file, 'image/png'), { code: 'ERR_INVALID_ARG_TYPE' })
  fs.truncateSync(path, 100)
  await t.throwsAsync(blob.arrayBuffer(), { code: 'ERR_FILE_TRUNCATED' })
  await file.refresh()
  t.is(blob.size, SIZE, 'a Blob does not change')
  const late = { instanceOf: RangeError, code: 'ERR_OUT_OF_RANGE', message: /the file ends at 100/ }
  await t.throwsAsync(blob.arrayBuffer(), late)
  await t.throwsAsync(new Response(blob).text(), late)
  t.is((await blob.slice(90, 100).bytes()).length, 10)
  await file.close()
  await t.throwsAsync(blob.slice(0, 5).text(), { code: 'ERR_FILE_CLOSED' })
  await t.throwsAsync(blob.stream().getReader().read(), { code: 'ERR_FILE_CLOSED' })
  await untilReleased(path)
})

withPeers('file-type')('file-type recognizes its format', async t => {
  const { fileTypeFromBlob } = await peer('file-type')
  const file = await MappedFile.open(await zipFile(temporaryFolder(t)))
  t.deepEqual(await fileTypeFromBlob(mappedBlob(file)), { ext: 'zip', mime: 'application/zip' })
  await file.close()
})

withPeers('music-metadata')('music-metadata reads its format', async t => {
  const { parseBlob } = await peer('music-metadata')
  const file = await MappedFile.open(wavFile(temporaryFolder(t)))
  const { format } = await parseBlob(mappedBlob(file, { type: 'audio/wav' }))
  t.deepEqual([format.container, format.sampleRate, format.duration], ['WAVE', 8000, 2])
  await file.close()
})

withPeers('@zip.js/zip.js')('zip.js reads its entries', async t => {
  const { BlobReader, Uint8ArrayWriter, ZipReader } = await peer('@zip.js/zip.js')
  const file = await MappedFile.open(await zipFile(temporaryFolder(t)))
  const entries = await new ZipReader(new BlobReader(mappedBlob(file)), { useWebWorkers: false }).getEntries()
  t.is(entries.length, Object.keys(contents).length)
  for (const entry of entries) same(t, await entry.getData(new Uint8ArrayWriter()), contents[entry.filename])
  await file.close()
})

withPeers('mediabunny')('mediabunny reads its tracks', async t => {
  const { ALL_FORMATS, BlobSource, Input } = await peer('mediabunny')
  const file = await MappedFile.open(wavFile(temporaryFolder(t)))
  const input = new Input({ source: new BlobSource(mappedBlob(file)), formats: ALL_FORMATS })
  t.is(await input.computeDuration(), 2)
  await file.close()
})

if (noSharedData) unless(noSharedData)('parquet-wasm reads its rows', () => {})
else
  withPeers('parquet-wasm')('parquet-wasm reads its rows', async t => {
    const { default: wasm } = await peer('parquet-wasm')
    const path = sharedData('delta_binary_packed.parquet')
    const file = await MappedFile.open(path)
    const { tableFromIPC } = await import('apache-arrow')
    const parquet = await wasm.ParquetFile.fromFile(mappedBlob(file))
    const ours = tableFromIPC((await parquet.read()).intoIPCStream())
    const theirs = tableFromIPC(wasm.readParquet(bytesBySync(path, 0, file.byteLength)).intoIPCStream())
    t.true(theirs.numRows > 0)
    t.deepEqual(ours.toArray().map(String), theirs.toArray().map(String))
    await file.close()
  })
