// A worker thread that reads ranges of a file that is in memory, over and over, by one of two methods.

import fs from 'node:fs'
import { workerData } from 'node:worker_threads'
import { MappedFile } from '../../mapped-file.js'

const { path, method, size, length, counts, wrong, place } = workerData as {
  path: string
  method: 'readSync' | 'readInto'
  size: number
  length: number
  counts: Float64Array
  wrong: Int32Array
  /** Each worker counts in its own cache line, so that counting causes no contention. */
  place: number
}

const ranges = Math.floor(length / size)
const descriptor = fs.openSync(path, 'r')
const file = await MappedFile.open(path)
const target = Buffer.alloc(size)
await file.prefault(0, length)

for (let turn = place; ; turn += 1) {
  const offset = (turn % ranges) * size
  let bytes = target
  if (method === 'readSync') {
    bytes = Buffer.allocUnsafeSlow(size)
    fs.readSync(descriptor, bytes, 0, size, offset)
  } else await file.readInto(target, offset)
  if (turn < place + ranges) check(bytes, offset)
  ;(counts[place] as number) += 1
}

function check(bytes: Buffer, offset: number): void {
  const expected = Buffer.alloc(size)
  fs.readSync(descriptor, expected, 0, size, offset)
  if (!bytes.equals(expected)) Atomics.store(wrong, 0, 1)
}
