// Not run but compiled: what faultless/sources gives is what the types of the packages in this folder ask for.

import * as zip from '@zip.js/zip.js'
import { MappedFile } from 'faultless'
import {
  mappedBlob,
  mediabunnySource,
  pdfjsTransport,
  strtok3Tokenizer,
  waSqliteVfs,
  zipjsReader,
} from 'faultless/sources'
import { fileTypeFromBlob, fileTypeFromTokenizer } from 'file-type'
import { BlobSource, CustomSource, type CustomSourceOptions } from 'mediabunny'
import { parseBlob, parseFromTokenizer } from 'music-metadata'
import { ParquetFile } from 'parquet-wasm'
import { getDocument, PDFDataRangeTransport } from 'pdfjs-dist/legacy/build/pdf.mjs'
import * as strtok3 from 'strtok3'
import { Factory } from 'wa-sqlite'

const file = await MappedFile.open('data')

const blob = mappedBlob(file, { type: 'image/png', name: 'a.png', lastModified: 0 })
blob satisfies Blob
blob satisfies File
new Response(blob)
new FormData().append('file', blob)
await fileTypeFromBlob(blob)
await parseBlob(blob)
new zip.ZipReader(new zip.BlobReader(blob))
new BlobSource(blob)
await ParquetFile.fromFile(blob)

mediabunnySource(file) satisfies CustomSourceOptions
new CustomSource(mediabunnySource(file))

getDocument({ range: pdfjsTransport(file, PDFDataRangeTransport) })
pdfjsTransport(file, PDFDataRangeTransport).lastError satisfies Error | undefined

strtok3Tokenizer(file, strtok3) satisfies strtok3.IRandomAccessTokenizer
await fileTypeFromTokenizer(strtok3Tokenizer(file, strtok3))
await parseFromTokenizer(strtok3Tokenizer(file, strtok3))

zipjsReader(file) satisfies Pick<zip.Reader<unknown>, 'size' | 'readUint8Array' | 'createReadable' | 'readable'>
new zip.ZipReader(zipjsReader(file))

// wa-sqlite has types for its API alone: none of its `Base`.
declare const Base: new () => Required<SQLiteVFS> & { handleAsync(run: () => Promise<number>): number }
declare const build: unknown
Factory(build).vfs_register(waSqliteVfs(file, Base))
waSqliteVfs(file, Base).name satisfies string

// @ts-expect-error: a path is no MappedFile
mappedBlob('data')
// @ts-expect-error: an option that there is none of
mappedBlob(file, { mime: 'image/png' })
