// Stores to a hole of a file on a full disk, through views and by write(), and prints what became of each.

import fs from 'node:fs'
import { MappedFile } from 'faultless'
import { MiB, PAGE } from '../helpers/files.mjs'

const [path, filler] = process.argv.slice(2)
const HOLE = 8 * MiB
const told = ({ code, offset, length, message }) => ({
  code,
  offset,
  length,
  says: /lost|free some space/.test(message) && message.includes(path),
})
const outcome = promise => promise.then(() => 'resolved', told)

// A name that is no UTF-8, in the list of mappings of this process.
const odd = await MappedFile.open(Buffer.concat([Buffer.from(`${path}-`), Buffer.from([0xff, 0xfe])]))
await odd.view()
const file = await MappedFile.open(path, { flags: 'r+' })
const view = await file.view(0, file.byteLength)
// The first MiB has its place on the disk; the rest is hole. Two pages far apart, and one byte of each.
view.write('kept', 10)
view[HOLE + 5] = 1
view[HOLE + 100 * PAGE + 7] = 2
const result = {
  shownInTheView: [view[HOLE + 5], view[HOLE + 6], view[HOLE + 100 * PAGE + 7]],
  readFromTheFile: (await file.read(HOLE + 5, 1))[0],
  all: await outcome(file.flush()),
  first: await outcome(file.flush(HOLE, PAGE)),
  again: await outcome(file.flush(HOLE, PAGE)),
  second: await outcome(file.flush(HOLE + 50 * PAGE, MiB)),
  between: await outcome(file.flush(HOLE + 2 * PAGE, 50 * PAGE)),
  good: await outcome(file.flush(0, MiB)),
  viewOfTheLost: await outcome(file.view(HOLE, 10)),
  viewOfTheGood: await outcome(file.view(0, 10)),
  written: await outcome(file.write(Buffer.alloc(PAGE, 1), HOLE + 200 * PAGE)),
}
fs.rmSync(filler)
const fd = fs.openSync(path)
fs.fsyncSync(fd)
fs.closeSync(fd)
result.afterRoom = await outcome(file.flush(HOLE, PAGE))
await file.refresh()
const fresh = await file.view(HOLE, PAGE)
result.refreshed = fresh[5]
fresh[5] = 3
result.afterRefresh = await outcome(file.flush())
result.inTheFile = fs.readFileSync(path)[HOLE + 5]
result.kept = fs.readFileSync(path).toString('latin1', 10, 14)
await file.close()
console.log(JSON.stringify(result))
