// A MappedFile is hyparquet's AsyncBuffer as it is; hyparquetBuffer() is for what takes methods off their object.

import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile } from 'faultless'
import { hyparquetBuffer } from 'faultless/sources'
import { asyncBufferFromFile, cachedAsyncBuffer, parquetMetadataAsync, parquetReadObjects, toJson } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { temporaryFolder } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'
import { unless } from '../helpers/rig.mjs'
import { noSharedData, sharedData } from '../helpers/shared-data.mjs'

const ROWS = 10_000

function people(t) {
  const path = join(temporaryFolder(t), 'people.parquet')
  const bytes = parquetWriteBuffer({
    columnData: [
      { name: 'id', data: Array.from({ length: ROWS }, (_, i) => i), type: 'INT32' },
      { name: 'name', data: Array.from({ length: ROWS }, (_, i) => `person ${i % 977}`) },
      { name: 'height', data: Array.from({ length: ROWS }, (_, i) => 1.5 + (i % 60) / 100), type: 'DOUBLE' },
    ],
    rowGroupSize: 1000,
  })
  fs.writeFileSync(path, Buffer.from(bytes))
  return path
}

test('metadata, rows and columns are the same as from a file of hyparquet’s own', async t => {
  const path = people(t)
  const file = await MappedFile.open(path)
  const theirs = await asyncBufferFromFile(path)
  t.deepEqual(await parquetMetadataAsync(file), await parquetMetadataAsync(theirs))
  const rows = await parquetReadObjects({ file })
  t.is(rows.length, ROWS)
  t.deepEqual(rows, await parquetReadObjects({ file: theirs }))
  const part = { columns: ['height'], rowStart: 1500, rowEnd: 3700 }
  t.deepEqual(await parquetReadObjects({ file, ...part }), await parquetReadObjects({ file: theirs, ...part }))
  const filter = { id: { $gte: 4242, $lt: 4250 } }
  t.deepEqual(
    (await parquetReadObjects({ file, filter })).map(({ id }) => id),
    [4242, 4243, 4244, 4245, 4246, 4247, 4248, 4249],
  )
  await file.close()
  await untilReleased(path)
})

test('hyparquetBuffer works in cachedAsyncBuffer and spread, where a MappedFile loses what is not its own', async t => {
  const path = people(t)
  const file = await MappedFile.open(path)
  const expected = await parquetReadObjects({ file })
  for (const minSize of [0, file.byteLength + 1]) {
    t.deepEqual(await parquetReadObjects({ file: cachedAsyncBuffer(hyparquetBuffer(file), { minSize }) }), expected)
  }
  t.deepEqual(await parquetReadObjects({ file: { ...hyparquetBuffer(file) } }), expected)
  t.deepEqual(await hyparquetBuffer(file).slice(-4), await file.slice(-4))
  fs.appendFileSync(path, 'more')
  const buffer = hyparquetBuffer(file)
  await file.refresh()
  t.is(buffer.byteLength, file.byteLength)
  await file.close()
  await t.throwsAsync(buffer.slice(0, 4), { code: 'ERR_FILE_CLOSED' })
})

for (const name of ['delta_binary_packed', 'nested_structs.rust', 'page_index', 'geoparquet']) {
  unless(noSharedData)(`real file: the rows of ${name} are those expected`, async t => {
    const file = await MappedFile.open(sharedData(`${name}.parquet`))
    const expected = JSON.parse(fs.readFileSync(sharedData(`${name}.json`), 'utf8'))
    t.true(expected.length > 0)
    const read = await parquetReadObjects({ file, compressors })
    t.deepEqual(toJson(read.map(row => Object.values(row))), expected)
    await file.close()
  })
}

test('a cut file, a file that was cut before, and a closed handle reject', async t => {
  const path = people(t)
  const file = await MappedFile.open(path)
  const metadata = await parquetMetadataAsync(file)
  fs.truncateSync(path, 2000)
  await t.throwsAsync(parquetReadObjects({ file, metadata }), { code: 'ERR_FILE_TRUNCATED' })
  await file.close()
  await t.throwsAsync(parquetReadObjects({ file, metadata }), { code: 'ERR_FILE_CLOSED' })
  const cut = await MappedFile.open(path)
  await t.throwsAsync(parquetReadObjects({ file: cut }), { message: /parquet file invalid/ })
  await cut.close()
  await untilReleased(path)
})
