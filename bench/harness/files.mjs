// The files that are read: made from a fixed seed, kept for the next run, and verified before each.
import { createCipheriv } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'

export function dataFolder() {
  const folder = fileURLToPath(new URL('../data/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  return folder
}

/**
 * A cipher's key stream: as incompressible as random bytes, the same on every machine, and fast to make.
 * @param {number} size
 */
function generate(size) {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 'faultless'), Buffer.alloc(16)).update(Buffer.alloc(size))
}

/**
 * The file of this size, in the page cache, with the checksum its readers must arrive at.
 * @param {number} size
 * @returns {{ path: string, checksum: number }}
 */
export function dataFile(size) {
  const path = join(dataFolder(), `${size}.bin`)
  const bytes = generate(size)
  if (!holds(path, bytes)) {
    // Renamed into place: another run beside this one never reads a file that is half written.
    writeFileSync(`${path}.${process.pid}`, bytes)
    renameSync(`${path}.${process.pid}`, path)
    if (!holds(path, bytes)) throw new Error(`${path} does not hold what was written to it`)
  }
  return { path, checksum: crc32(bytes) }
}

/** @param {string} path @param {Buffer} bytes */
function holds(path, bytes) {
  try {
    return readFileSync(path).equals(bytes)
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  }
}
