// Locks part of a file, fills memory with the rest of it, and prints whether the locked part is still answered at once.

import { MappedFile } from 'faultless'
import { MiB } from '../helpers/files.mjs'

const [path, locks] = process.argv.slice(2)
const file = await MappedFile.open(path)
const PART = 16 * MiB
if (locks === 'lock') await file.lock(0, PART)
else await file.prefault(0, PART)
// As mapped pages, which the kernel takes back last, and more than once.
for (let round = 0; round < 3; round++) await file.prefault(PART)
const at = Array.from({ length: PART / MiB }, (_, index) => index * MiB)
const answered = at.filter(offset => file.tryRead(offset, MiB)).length
const viewed = at.filter(offset => file.tryView(offset, MiB)).length
await file.close()
console.log(JSON.stringify({ asked: at.length, answered, viewed }))
