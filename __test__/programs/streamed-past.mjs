// Goes through a long file in order while it reads pages of a short one at random, all of which were in memory before: prints how
// many of these reads found their page in memory no more.

import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { MappedFile } from 'faultless'
import { MiB, PAGE, seededNumbers } from '../helpers/files.mjs'

const [long, short, way] = process.argv.slice(2)
/** Reads of the short file for each mebibyte of the long one: each of its pages is wanted once in a while. */
const READS = 24
const random = seededNumbers(1)
const hot = await MappedFile.open(short)
const page = Buffer.alloc(PAGE)
const place = () => PAGE * Math.floor((random() * hot.byteLength) / PAGE)
for (let pass = 0; pass < 1; pass += 1) {
  for (let at = 0; at < hot.byteLength; at += PAGE) await hot.readInto(page, at)
}
const file = await MappedFile.open(long)
const parts = way === 'chunks' ? file.chunks() : fs.createReadStream(long, { highWaterMark: MiB })
let [length, missed] = [0, 0]
// Slower than the disk, so that what the kernel reads ahead is there before it is asked for.
for await (const part of parts) {
  for (let at = 0; at < part.length; at += PAGE) length += part.subarray(at, at + PAGE).length
  await sleep(4)
  for (let read = 0; read < READS; read += 1) {
    const at = place()
    if (hot.tryReadInto(page, at) !== undefined) continue
    missed += 1
    await hot.readInto(page, at)
  }
}
console.log(JSON.stringify({ length, missed: missed / (READS * (length / MiB)) }))
