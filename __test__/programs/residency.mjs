// Prints what residency() says of a file before and after prefault.

import { MappedFile } from 'faultless'

const file = await MappedFile.open(process.argv[2])
const told = async () => {
  const residency = await file.residency()
  return { ...residency, resident: residency.resident === undefined ? 'undefined' : residency.resident }
}
const before = await told()
await file.prefault()
const after = await told()
await file.close()
console.log(JSON.stringify({ before, after }))
