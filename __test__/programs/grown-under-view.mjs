// Makes a file grow past its mapping while a long cold view of it is faulted in, fills the disk, stores to holes of the view, and
// prints what flush() says and what the file has of it. Runs under a throttle.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { MiB, PAGE } from '../helpers/files.mjs'

const [path, filler] = process.argv.slice(2)
const file = await MappedFile.open(path, { flags: 'r+' })
const [bytes, holes] = [file.byteLength - 8 * MiB, 64]
let pending = true
const viewing = file.view().finally(() => {
  pending = false
})
await file.write(Buffer.from('far'), 100 * MiB)
const pendingAtGrowth = pending
const view = await viewing
const fd = fs.openSync(filler, 'w')
for (let length = MiB; length >= 512; ) {
  try {
    fs.writeSync(fd, Buffer.alloc(length, 1))
  } catch (error) {
    if (error.code !== 'ENOSPC') throw error
    length /= 2
  }
}
fs.fsyncSync(fd)
for (let page = 0; page < holes; page++) view[bytes + page * PAGE] = 77
const flush = await file.flush().then(
  () => 'resolved',
  ({ code }) => code,
)
const found = fs.readFileSync(path).subarray(bytes, bytes + holes * PAGE)
const stored = Array.from({ length: holes }, (_, page) => found[page * PAGE]).filter(byte => byte === 77).length
console.log(JSON.stringify({ pendingAtGrowth, flush, all: stored === holes }))
process.exit(0)
