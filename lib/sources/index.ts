// faultless/sources: adapters that make a MappedFile a source for packages that read files by ranges. None of these
// packages is imported.

/**
 * Adapters that let other packages read from an open {@link MappedFile}. An adapter holds nothing but the file, and you
 * still have to close the file. Offsets and lengths are in bytes. Each adapter throws `ERR_INVALID_ARG_TYPE` for a
 * value that is not a MappedFile, such as a path, or a promise that was not awaited. Reads reject as
 * {@link MappedFile.slice} does.
 *
 * @packageDocumentation
 */

export { arrowFileHandle } from './apache-arrow.js'
export { type BlobOptions, mappedBlob } from './blob.js'
export { type GenericFilehandle, genericFilehandle } from './generic-filehandle2.js'
export { type GeotiffSource, geotiffSource } from './geotiff.js'
export { type HyparquetBuffer, hyparquetBuffer } from './hyparquet.js'
export { type MediabunnySource, mediabunnySource } from './mediabunny.js'
export { type PdfjsBase, type PdfjsTransport, pdfjsTransport } from './pdfjs.js'
export { type PmtilesSource, pmtilesSource } from './pmtiles.js'
export { type Strtok3, strtok3Tokenizer } from './strtok3.js'
export { type UnzipperSource, unzipperSource } from './unzipper.js'
export { type WaSqliteBase, type WaSqliteVfs, waSqliteVfs } from './wa-sqlite.js'
export { type YauzlReader, yauzlReader } from './yauzl.js'
export { type ZarritaReader, zarritaReader } from './zarrita.js'
export { type ZipjsReader, zipjsReader } from './zipjs.js'
