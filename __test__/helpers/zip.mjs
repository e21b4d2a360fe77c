// Zip files for tests, written by yazl.

import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import yazl from 'yazl'
import { KiB, seededBytes } from './files.mjs'

/** Entries of every kind. */
export const contents = {
  empty: Buffer.alloc(0),
  small: Buffer.from('a few words\n'),
  stored: seededBytes(300 * KiB, 1),
  deflated: Buffer.alloc(500 * KiB, 'the same again and again, '),
  'folder/random': seededBytes(70 * KiB, 2),
}

/** A zip file of these; its path. */
export async function zipFile(folder) {
  const path = join(folder, 'entries.zip')
  await writeZip(path, contents)
  return path
}

/** Writes the entries, all of them deflated but those whose name says `stored`. */
export async function writeZip(path, entries) {
  const zip = new yazl.ZipFile()
  for (const [name, bytes] of Object.entries(entries)) zip.addBuffer(bytes, name, { compress: name !== 'stored' })
  zip.end()
  await pipeline(zip.outputStream, createWriteStream(path))
}
