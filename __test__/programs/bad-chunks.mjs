// Reads a whole file by chunks, and prints how many bytes came before one failed, with what, and where that one began; and how
// many bytes fs.readSync can read.

import { openSync, readSync } from 'node:fs'
import { MappedFile } from 'faultless'
import { KiB, seededBytes } from '../helpers/files.mjs'

const file = await MappedFile.open(process.argv[2])
const original = seededBytes(file.byteLength)
let right = 0
let failure
try {
  for await (const chunk of file.chunks({ chunkSize: 256 * KiB })) {
    if (!original.subarray(right, right + chunk.length).equals(chunk)) throw new Error(`wrong bytes from ${right} on`)
    right += chunk.length
  }
} catch (error) {
  failure = error
}
console.log(JSON.stringify({ right, code: failure?.code, start: failure?.offset, bad: firstBad() }))
await file.close()

function firstBad() {
  const fd = openSync(process.argv[2])
  const target = Buffer.alloc(256 * KiB)
  for (let at = 0; ; at += target.length) {
    try {
      if (readSync(fd, target, 0, target.length, at) === 0) return at
    } catch {
      return at
    }
  }
}
