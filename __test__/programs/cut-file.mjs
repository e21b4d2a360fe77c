// Cuts a mapped file that is read and viewed, and prints what became of each.

import fs from 'node:fs'
import { MappedFile, mmapRead } from 'faultless'
import { PAGE, seededBytes, seededFile } from '../helpers/files.mjs'

const PAGES = 64
const [folder, keptPages] = process.argv.slice(2)
const size = PAGES * PAGE
const left = Number(keptPages) * PAGE
const path = seededFile(folder, size)
const original = seededBytes(size)
const code = promise => promise.then(() => 'resolved').catch(error => error.code)

const other = await MappedFile.open(seededFile(folder, size, 2))
const file = await MappedFile.open(path)
const view = await file.view()
const copy = await file.read()
await mmapRead(path, 0, 10)
fs.truncateSync(path, left)

const result = {
  read: await code(file.read(9 * PAGE, 5 * PAGE)),
  readInto: await code(file.readInto(Buffer.alloc(PAGE), 20 * PAGE)),
  readMany: await code(file.readMany([{ offset: 60 * PAGE, length: 10 }])),
  view: await code(file.view(size - 10, 10)),
}
const fresh = await mmapRead(path, 0, size)
result.mmapRead = fresh.equals(original.subarray(0, left)) ? 'cut at the new end' : `${fresh.length} bytes`
result.kept = view.subarray(0, left).equals(original.subarray(0, left))
result.lost = view.subarray(left).every(byte => byte === 0)
result.stillWhole = copy.equals(original)
const rest = await file.read(0, Math.min(left, 100)).catch(error => error.code)
result.rest = rest === 'ERR_FILE_TRUNCATED' || rest.equals(original.subarray(0, Math.min(left, 100)))
result.other = (await other.read()).equals(seededBytes(size, 2))
const reopened = await MappedFile.open(path)
result.reopened = reopened.byteLength === left && (await reopened.read()).equals(original.subarray(0, left))
console.log(JSON.stringify(result))
