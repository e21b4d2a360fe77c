// apache-arrow reads an IPC file batch by batch through a MappedFile, or lays its columns over a view without a copy.

import fs from 'node:fs'
import { join } from 'node:path'
import { RecordBatchReader, Table, tableFromIPC, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow'
import test from 'ava'
import { MappedFile } from 'faultless'
import { arrowFileHandle } from 'faultless/sources'
import { temporaryFolder } from '../helpers/files.mjs'
import { untilReleased } from '../helpers/process.mjs'

const ROWS = 20_000

/** A file of three record batches. */
function measurements(t) {
  const path = join(temporaryFolder(t), 'measurements.arrow')
  const part = number =>
    new Table({
      id: vectorFromArray(Int32Array.from({ length: ROWS }, (_, i) => number * ROWS + i)),
      value: vectorFromArray(Float64Array.from({ length: ROWS }, (_, i) => Math.cos(number * ROWS + i))),
      name: vectorFromArray(
        Array.from({ length: ROWS }, (_, i) => `row ${i % 100}`),
        new Utf8(),
      ),
    })
  const [first, ...rest] = [0, 1, 2].map(part)
  fs.writeFileSync(
    path,
    tableToIPC(
      new Table(
        first.schema,
        [first, ...rest].flatMap(({ batches }) => batches),
      ),
      'file',
    ),
  )
  return path
}

const same = (t, table, model) => {
  t.is(table.numRows, 3 * ROWS)
  t.deepEqual(table.getChild('id').toArray(), model.getChild('id').toArray())
  t.deepEqual(table.getChild('value').toArray(), model.getChild('value').toArray())
  t.is(table.getChild('name').get(3 * ROWS - 1), model.getChild('name').get(3 * ROWS - 1))
}

test('a table is the same as from the bytes, and from a FileHandle of node:fs', async t => {
  const path = measurements(t)
  const file = await MappedFile.open(path)
  const model = tableFromIPC(fs.readFileSync(path))
  same(t, await tableFromIPC(arrowFileHandle(file)), model)
  t.false(file.closed, 'arrow closes its handle when it has read all; who opened the file closes it')
  same(t, await tableFromIPC(arrowFileHandle(file)), model)
  const theirs = await fs.promises.open(path)
  same(t, await tableFromIPC(theirs), model)
  await file.close()
  await untilReleased(path)
})

test('one batch of many', async t => {
  const path = measurements(t)
  const file = await MappedFile.open(path)
  const reader = await RecordBatchReader.from(arrowFileHandle(file))
  await reader.open()
  t.is(reader.numRecordBatches, 3)
  const batch = await reader.readRecordBatch(1)
  t.is(batch.get(7).id, ROWS + 7)
  await reader.cancel()
  await file.close()
})

test('over a view the columns are the mapped bytes', async t => {
  const path = measurements(t)
  const file = await MappedFile.open(path)
  const view = await file.view()
  const table = tableFromIPC(view)
  same(t, table, tableFromIPC(fs.readFileSync(path)))
  t.is(table.batches[1].getChild('value').data[0].values.buffer, view.buffer)
  await file.close()
  t.is(table.getChild('id').get(ROWS), ROWS, 'a view outlives its handle')
})

test('a file that became shorter and a closed handle reject, where arrow would ask for ever', async t => {
  const path = measurements(t)
  const file = await MappedFile.open(path)
  const reader = await RecordBatchReader.from(arrowFileHandle(file))
  await reader.open()
  fs.truncateSync(path, 1000)
  await t.throwsAsync(reader.readRecordBatch(2), { code: 'ERR_FILE_TRUNCATED' })
  await file.refresh()
  const error = await t.throwsAsync(reader.readRecordBatch(2), { instanceOf: RangeError, code: 'ERR_OUT_OF_RANGE' })
  t.regex(error.message, /measurements\.arrow' \(\d+ bytes at offset \d+\): the file ends at 1000/)
  await file.close()
  await t.throwsAsync(reader.readRecordBatch(0), { code: 'ERR_FILE_CLOSED' })
  await t.throwsAsync(tableFromIPC(arrowFileHandle(file)), { code: 'ERR_FILE_CLOSED' })
  await untilReleased(path)
})
