// The files that are read: made from a fixed seed, kept for the next run, and looked at before each.
import { createCipheriv } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { open, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { formatSize, GiB, MiB } from './cells.mjs'
import { notRunnable } from './requirements.mjs'

const KEY = Buffer.alloc(16, 'faultless')
const CIPHER_BLOCK = 16
/** Bytes written at a time. */
const PIECE = 8 * MiB
/** A file that is there already is looked at as a whole up to this size; of a longer one, so many places of so many bytes. */
const WHOLE = 64 * MiB
const SPOTS = 64
const SPOT_BYTES = 4096
/** What a disk keeps free besides what is made on it. */
const SPARE = GiB

export function dataFolder() {
  const folder = fileURLToPath(new URL('../data/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  return folder
}

/**
 * What a file of ours holds from `offset` on. A cipher's key stream: as incompressible as random bytes, the same on every
 * machine, fast to make, and at any place without what comes before it.
 * @param {number} offset
 * @param {number} length
 * @param {number} [seed] which of the files that differ in nothing else
 */
export function bytesAt(offset, length, seed = 0) {
  const skipped = offset % CIPHER_BLOCK
  const counter = Buffer.alloc(CIPHER_BLOCK)
  counter.writeUInt32BE(seed)
  counter.writeBigUInt64BE(BigInt((offset - skipped) / CIPHER_BLOCK), 8)
  return createCipheriv('aes-128-ctr', KEY, counter)
    .update(Buffer.alloc(skipped + length))
    .subarray(skipped)
}

/**
 * The file of this size, in the page cache, with the checksum its readers must arrive at.
 * @param {number} size
 * @returns {{ path: string, checksum: number }}
 */
export function dataFile(size) {
  const path = join(dataFolder(), `${size}.bin`)
  const bytes = bytesAt(0, size)
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

/**
 * The path of a file that may be too long to be held in memory. Whoever reads it checks every answer against `bytesAt`, so
 * a long one that is there already is looked at in a few places only.
 * @param {number} size
 * @param {{ signal: AbortSignal, seed?: number, folder?: string }} options
 */
export async function longFile(size, { signal, seed = 0, folder = dataFolder() }) {
  const path = join(folder, seed === 0 ? `${size}.bin` : `${size}.${seed}.bin`)
  if (await looksRight(path, size, seed)) return path
  await needRoom(folder, size)
  const unfinished = `${path}.${process.pid}`
  try {
    await write(unfinished, size, seed, signal)
    await rename(unfinished, path)
  } finally {
    await rm(unfinished, { force: true })
  }
  return path
}

/**
 * Many files of one size in a folder, in the page cache, with the checksum of all their bytes in a row.
 * @param {{ files: number, size: number }} wanted @param {AbortSignal} signal
 */
export async function manyFiles({ files, size }, signal) {
  const folder = join(dataFolder(), `many-${size}`)
  await needRoom(dataFolder(), files * size)
  mkdirSync(folder, { recursive: true })
  let checksum = 0
  for (const [seed, path] of manyPaths({ folder, files }).entries()) {
    const bytes = bytesAt(0, size, seed)
    // One that was half written when a run was interrupted is written anew.
    if (!holds(path, bytes)) await writeFile(path, bytes, { signal })
    signal.throwIfAborted()
    checksum = crc32(bytes, checksum)
  }
  return { folder, files, size, checksum }
}

/** The paths of all of them: too many to be told to a process one by one. @param {{ folder: string, files: number }} made */
export const manyPaths = ({ folder, files }) =>
  Array.from({ length: files }, (_, index) => join(folder, `${index}.bin`))

/** A file of so many bytes, none of which is anywhere. @param {number} size */
export async function sparseFile(size) {
  const path = join(dataFolder(), `${size}.${process.pid}.sparse`)
  const file = await open(path, 'w')
  try {
    await file.truncate(size)
  } catch (error) {
    throw notRunnable(`the file system takes no sparse file of ${formatSize(size)}: ${error.message}`)
  } finally {
    await file.close()
  }
  return path
}

/** @param {string} folder @param {number} size */
export async function needRoom(folder, size) {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free < size + SPARE) {
    throw notRunnable(`a file of ${formatSize(size)} needs more room than the ${formatSize(free)} that are free`)
  }
}

async function looksRight(path, size, seed) {
  let file
  try {
    file = await open(path)
    if ((await file.stat()).size !== size) return false
    const length = Math.min(size, size > WHOLE ? SPOT_BYTES : PIECE)
    const spots = size > WHOLE ? SPOTS : Math.ceil(size / length)
    for (let spot = 0; spot < spots; spot += 1) {
      const offset = spots === 1 ? 0 : Math.floor(((size - length) / (spots - 1)) * spot)
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, offset)
      if (!buffer.equals(bytesAt(offset, length, seed))) return false
    }
    return true
  } catch (error) {
    if (error.code === 'ENOENT') return false
    throw error
  } finally {
    await file?.close()
  }
}

async function write(path, size, seed, signal) {
  const file = await open(path, 'w')
  try {
    for (let offset = 0; offset < size; offset += PIECE) {
      signal.throwIfAborted()
      await file.write(bytesAt(offset, Math.min(PIECE, size - offset), seed))
    }
    await file.sync()
  } finally {
    await file.close()
  }
}
