// Reads a file that is in memory at random, in one way, and looks at what comes.
//
// Arguments: the file, the way, how often.

import { readFileSync } from 'node:fs'
import { MappedFile } from 'faultless'
import { KiB, seededNumbers } from '../helpers/files.mjs'

const [path, way, count] = process.argv.slice(2)
const expected = readFileSync(path)
const file = await MappedFile.open(path)
await file.prefault()
const random = seededNumbers(1)
const place = length => Math.floor(random() * (file.byteLength - length))
const target = Buffer.alloc(4 * KiB)
const records = Buffer.alloc(256 * KiB)
const same = (bytes, at) => bytes.equals(expected.subarray(at, at + bytes.length))

const ways = {
  async view(at) {
    return same((await file.view(at, 64 * KiB)).subarray(0, 512), at)
  },
  tryView: at => same(file.tryView(at, 64 * KiB).subarray(0, 512), at),
  async readInto(at) {
    await file.readInto(target, at)
    return same(target, at)
  },
  tryReadInto: at => file.tryReadInto(target, at) === target.length && same(target, at),
}

let wrong = 0
if (way === 'readManyInto') {
  for (let done = 0; done < count; done += 512) {
    const offsets = Array.from({ length: 512 }, () => place(512))
    await file.readManyInto(records, offsets, 512)
    for (const [index, at] of offsets.entries()) {
      if (!same(records.subarray(512 * index, 512 * (index + 1)), at)) wrong += 1
    }
  }
} else {
  for (let done = 0; done < count; done += 1) if (!(await ways[way](place(64 * KiB)))) wrong += 1
}
console.log(wrong === 0 ? 'all of it was right' : `${wrong} were wrong`)
await file.close()
