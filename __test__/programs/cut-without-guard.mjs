// Cuts a file that is in memory and reads past its new end by every method that copies on the JavaScript thread, without the guard;
// prints how each ended. That the process lives is what is shown.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { KiB, MiB, PAGE, seededBytes } from '../helpers/files.mjs'

const path = process.argv[2]
const bytes = seededBytes(2 * MiB)
const target = Buffer.alloc(MiB)
const codeOf = error => error.code ?? error.stack
const ways = {
  tryRead: (file, offset, length) => file.tryRead(offset, length),
  tryReadInto: (file, offset, length) => file.tryReadInto(target.subarray(0, length), offset),
  read: (file, offset, length) => file.read(offset, length),
  readInto: (file, offset, length) => file.readInto(target.subarray(0, length), offset),
  readMany: async (file, offset, length) => (await file.readMany([{ offset, length }]))[0],
  readManyInto: (file, offset, length) =>
    file.readManyInto(
      target,
      Array.from({ length: Math.ceil(length / 512) }, (_, index) => offset + index * 512),
      512,
    ),
}

const report = {}
for (const [name, way] of Object.entries(ways)) {
  for (const length of [100, 4 * KiB, 16 * KiB, 17 * KiB, 256 * KiB]) {
    fs.writeFileSync(path, bytes)
    const file = await MappedFile.open(path)
    await file.prefault()
    // What is known of the pages is remembered for a moment, in which the file is cut.
    for (let at = 0; at < bytes.length; at += length) file.tryRead(at, Math.min(length, bytes.length - at))
    for (const [where, offset] of [
      ['past the end', MiB + 5 * PAGE],
      ['across the end', MiB - 50],
      ['on the last page', MiB + 10],
    ]) {
      fs.truncateSync(path, where === 'on the last page' ? MiB + 20 : MiB)
      let outcome
      try {
        outcome = await way(file, offset, length)
      } catch (error) {
        outcome = codeOf(error)
      }
      report[`${name}, ${length} bytes ${where}`] = outcome === undefined ? 'undefined' : outcome
      fs.truncateSync(path, 2 * MiB)
    }
    await file.close()
  }
}
console.log(JSON.stringify(report))
