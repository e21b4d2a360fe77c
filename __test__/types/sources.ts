// Not run but compiled: what faultless/sources gives is what each package's own types ask for.

import ZipFileStore, { type BlobReader } from '@zarrita/storage/zip'
import { RecordBatchReader, tableFromIPC } from 'apache-arrow'
import { MappedFile } from 'faultless'
import {
  arrowFileHandle,
  genericFilehandle,
  geotiffSource,
  hyparquetBuffer,
  pmtilesSource,
  unzipperSource,
  yauzlReader,
  zarritaReader,
} from 'faultless/sources'
import type { GenericFilehandle } from 'generic-filehandle2'
import { GeoTIFF } from 'geotiff'
import { type AsyncBuffer, cachedAsyncBuffer, parquetReadObjects } from 'hyparquet'
import { type CityResponse, Reader } from 'mmdb-lib'
import { PMTiles, type Source } from 'pmtiles'
import { Open } from 'unzipper'
import yauzl from 'yauzl'

const file = await MappedFile.open('data')

file satisfies AsyncBuffer
await parquetReadObjects({ file })
hyparquetBuffer(file) satisfies AsyncBuffer
cachedAsyncBuffer(hyparquetBuffer(file))

pmtilesSource(file) satisfies Source
pmtilesSource(file, 'key') satisfies Source
new PMTiles(pmtilesSource(file))

// geotiff's BaseSource is known to it by structure; its name is not exported.
geotiffSource(file) satisfies Parameters<typeof GeoTIFF.fromSource>[0]
await GeoTIFF.fromSource(geotiffSource(file))

genericFilehandle(file) satisfies GenericFilehandle
;(await genericFilehandle(file).readFile('utf8')) satisfies string
;(await genericFilehandle(file).readFile({ encoding: 'utf8' })) satisfies string
;(await genericFilehandle(file).readFile()) satisfies Uint8Array<ArrayBuffer>

zarritaReader(file) satisfies Pick<BlobReader, 'getLength' | 'read'>
new ZipFileStore(zarritaReader(file))

yauzlReader(file, yauzl.RandomAccessReader) satisfies yauzl.RandomAccessReader
yauzl.fromRandomAccessReader(yauzlReader(file, yauzl.RandomAccessReader), file.byteLength, () => {})

await Open.custom(unzipperSource(file))

await RecordBatchReader.from(arrowFileHandle(file))
await tableFromIPC(arrowFileHandle(file))
tableFromIPC(await file.view())

new Reader<CityResponse>(await file.view())

// @ts-expect-error: a path is no MappedFile
pmtilesSource('tiles.pmtiles')
// @ts-expect-error: nor is a promise of one
geotiffSource(MappedFile.open('elevations.tif'))
