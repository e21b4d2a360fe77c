// Computes the mean of one column of a Parquet file. It reads only that column.
//
//   node examples/parquet-column.mjs [FILE COLUMN]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MappedFile } from 'faultless'
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { parquetWriteBuffer } from 'hyparquet-writer'

const folder = mkdtempSync(join(tmpdir(), 'parquet-column-'))
const [path = makeData(), column = 'height'] = process.argv.slice(2)

// hyparquet takes a MappedFile directly, because it has byteLength and slice().
const file = await MappedFile.open(path)
try {
  const metadata = await parquetMetadataAsync(file)
  let sum = 0
  let rows = 0
  // One row group at a time, so that memory holds only one of them.
  for (const group of metadata.row_groups) {
    const rowStart = rows
    const rowEnd = rows + Number(group.num_rows)
    for (const row of await parquetReadObjects({ file, metadata, columns: [column], rowStart, rowEnd })) {
      sum += Number(row[column])
    }
    rows = rowEnd
  }
  console.log(`${column}: mean ${(sum / rows).toFixed(3)} of ${rows} rows`)
} finally {
  await file.close()
  rmSync(folder, { recursive: true })
}

function makeData() {
  const people = Array.from({ length: 50_000 }, (_, i) => i)
  const columnData = [
    { name: 'name', data: people.map(i => `person ${i}`) },
    { name: 'height', data: people.map(i => 1.5 + (i % 51) / 100), type: 'DOUBLE' },
  ]
  const made = join(folder, 'people.parquet')
  writeFileSync(made, Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: 10_000 })))
  return made
}
