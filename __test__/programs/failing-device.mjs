// Writes to a file whose device stops taking writes, and prints what flush() says of it.

import { MappedFile } from 'faultless'
import { MiB, PAGE } from '../helpers/files.mjs'

const file = await MappedFile.open(process.argv[2], { flags: 'r+' })
const view = await file.view(0, file.byteLength)
const outcome = promise =>
  promise.then(
    () => 'resolved',
    ({ code, message }) => `${code}, ${/may be lost/.exec(message)}`,
  )
view.fill(7)
const viewed = await outcome(file.flush(0, PAGE))
const again = await outcome(file.flush(MiB, PAGE))
const clean = await outcome(file.flush(MiB, PAGE))
const other = await MappedFile.open(process.argv[2], { flags: 'r+' })
await other.write(Buffer.alloc(PAGE, 9), 0)
const written = await outcome(other.flush())
const readOn = (await file.read(5, 1))[0] === 7 || (await file.read(5, 1))[0] === 9
console.log(JSON.stringify({ viewed, again, clean, written, readOn }))
