// Stores to views of a file in mode r and of one in mode r+, after the memory of both was given back.
//
// Arguments: the two files.

import { MappedFile } from 'faultless'

const [kept, written] = process.argv.slice(2)
const said = {}
let others = true
for (const [mode, path, text] of [
  ['r', kept, 'kept'],
  ['r+', written, 'written'],
]) {
  const file = await MappedFile.open(path, { flags: mode })
  const view = await file.view()
  const before = Buffer.from(view)
  view.write(text, 4096)
  await file.evict()
  said[text] = view.toString('latin1', 4096, 4096 + text.length)
  others &&=
    view.subarray(0, 4096).equals(before.subarray(0, 4096)) && view.subarray(8192).equals(before.subarray(8192))
  await file.close()
}
console.log(JSON.stringify({ ...said, others }))
