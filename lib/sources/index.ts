// faultless/sources: what makes a MappedFile a source of packages that read files by ranges. None of them is imported.

export { arrowFileHandle } from './apache-arrow.js'
export { type GenericFilehandle, genericFilehandle } from './generic-filehandle2.js'
export { type GeotiffSource, geotiffSource } from './geotiff.js'
export { type PmtilesSource, pmtilesSource } from './pmtiles.js'
export { type UnzipperSource, unzipperSource } from './unzipper.js'
export { type YauzlReader, yauzlReader } from './yauzl.js'
export { type ZarritaReader, zarritaReader } from './zarrita.js'
