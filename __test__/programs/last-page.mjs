// Reads a file whose last page another process cuts and lets grow again, for some seconds; prints how often each way gave all that
// was asked for, how often it had zeros in it, which the file has nowhere, and how often bytes were wrong where nothing is ever cut.
// last-page.mjs PATH SECONDS

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MappedFile, mmapRead } from 'faultless'
import { KiB, PAGE } from '../helpers/files.mjs'

const [path, seconds] = process.argv.slice(2)
const SIZE = 64 * KiB
const LAST = SIZE - PAGE
const ROUNDS = 50
/** Above what is cut. */
const KEPT = LAST + 100

const right = Buffer.alloc(SIZE, 0x55)
fs.writeFileSync(path, right)
const cutter = spawn(process.execPath, [fileURLToPath(new URL('cut-last-page.mjs', import.meta.url)), SIZE, path])
await once(cutter.stdout, 'data')

const descriptor = fs.openSync(path)
const page = Buffer.alloc(PAGE)
const all = Buffer.alloc(SIZE)
const offsets = Array.from({ length: SIZE / PAGE }, (_, index) => index * PAGE)
/** What is in the target, if all of it was written. */
const filled = (target, count) => (count === target.length ? target : undefined)

const ways = {
  'fs.readSync': () => filled(page, fs.readSync(descriptor, page, 0, PAGE, LAST)),
  'tryReadInto of a page': file => filled(page, file.tryReadInto(page, LAST)),
  'tryReadInto of 64 KiB': file => filled(all, file.tryReadInto(all, 0)),
  'tryRead of a page': file => file.tryRead(LAST, PAGE),
  'tryRead of 64 KiB': file => file.tryRead(0, SIZE),
  read: file => file.read(LAST, PAGE),
  readInto: async file => filled(all, await file.readInto(all)),
  readMany: async file =>
    Buffer.concat(
      await file.readMany([
        { offset: 0, length: LAST },
        { offset: LAST, length: PAGE },
      ]),
    ),
  readManyInto: async file => filled(all, await file.readManyInto(all, offsets, PAGE)),
  mmapRead: () => mmapRead(path, 0, SIZE),
}

const report = Object.fromEntries(Object.keys(ways).map(name => [name, { whole: 0, cut: 0, zeros: 0, wrong: 0 }]))

async function attempt(name, file) {
  const found = report[name]
  try {
    const answer = ways[name](file)
    const bytes = answer instanceof Promise ? await answer : answer
    // Nothing at once, or cut at the end of the file.
    if (bytes === undefined || bytes.length < PAGE || bytes.length % PAGE) return found.cut++
    found.whole++
    if (bytes.includes(0)) found.zeros++
    const kept = bytes.length - (SIZE - KEPT)
    if (!bytes.subarray(0, kept).equals(right.subarray(0, kept))) found.wrong++
  } catch (error) {
    if (error.code !== 'ERR_FILE_TRUNCATED') throw error
    found.cut++
    return true
  }
}

for (const end = Date.now() + 1000 * seconds; Date.now() < end; ) {
  for (const name of Object.keys(ways)) {
    const file = await MappedFile.open(path)
    if (file.byteLength === SIZE) {
      await file.prefault().catch(() => {})
      // Until it has been cut under this handle.
      for (let round = 0; round < ROUNDS && !(await attempt(name, file)); round++) {}
    }
    await file.close()
  }
}
cutter.kill()
console.log(JSON.stringify(report))
