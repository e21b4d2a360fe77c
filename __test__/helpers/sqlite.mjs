// Databases of SQLite, made by sql.js.

import { peer } from './peers.mjs'

/** An empty database in memory. Its `export()` returns the bytes of its file. */
export async function newDatabase() {
  const { default: load } = await peer('sql.js')
  const { Database } = await load()
  return new Database()
}

/** Marks the bytes of a database as one whose journal is a write-ahead log, which is empty. */
export function withEmptyLog(bytes) {
  // The versions of the file format for writing and for reading: https://www.sqlite.org/fileformat.html
  bytes[18] = 2
  bytes[19] = 2
  return bytes
}
