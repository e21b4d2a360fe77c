// Files for tests: temporary folders, seeded bytes, sparse files, and their bytes by fs.readSync.

import { createCipheriv } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const TiB = 1024 * GiB
export const PAGE = 4096

/** A folder that is gone after the test, or after all tests when made with no `t`. */
export function temporaryFolder(t) {
  const folder = fs.mkdtempSync(join(tmpdir(), 'faultless-test-'))
  fs.chmodSync(folder, 0o755)
  const remove = () => fs.rmSync(folder, { recursive: true, force: true })
  if (t) t.teardown(remove)
  else process.on('exit', remove)
  return folder
}

/** The same bytes for the same seed: no two pages alike, none of them all zero. */
export function seededBytes(length, seed = 1) {
  const key = Buffer.alloc(16, seed)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}

/** A file of seeded bytes; its path. */
export function seededFile(folder, length, seed = 1, name = `seeded-${seed}`) {
  const path = join(folder, name)
  fs.writeFileSync(path, seededBytes(length, seed))
  return path
}

/** A file that is all hole but for `marks`, pairs of offset and text; its path. */
export function sparseFile(folder, length, marks = []) {
  const path = join(folder, 'sparse')
  const file = fs.openSync(path, 'w')
  fs.ftruncateSync(file, length)
  for (const [offset, text] of marks) fs.writeSync(file, text, offset)
  fs.closeSync(file)
  return path
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seededNumbers(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The oracle: the bytes of the range, cut at the end of the file. */
export function bytesBySync(path, offset, length) {
  const file = fs.openSync(path)
  const target = Buffer.alloc(length)
  let read = 0
  let count
  do {
    count = fs.readSync(file, target, read, length - read, Number(offset) + read)
    read += count
  } while (count > 0)
  fs.closeSync(file)
  return target.subarray(0, read)
}

/** Asserts that these are the same bytes. `t.deepEqual` takes two seconds for a MiB. */
export function sameBytes(t, actual, expected, what = 'bytes') {
  const [ours, theirs] = [toBuffer(actual), toBuffer(expected)]
  if (ours.equals(theirs)) return t.pass()
  const first = ours.findIndex((byte, index) => byte !== theirs[index])
  const where =
    first < 0 || first >= theirs.length ? '' : `, and differ at ${first}: ${ours[first]}, not ${theirs[first]}`
  return t.fail(`${what}: ${ours.length} bytes, ${theirs.length} were expected${where}`)
}

const toBuffer = bytes =>
  ArrayBuffer.isView(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Buffer.from(bytes)
