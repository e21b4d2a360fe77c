// Faults parts of a file in, and prints how many pages of it are in the page table.
//
// Arguments: a file of 64 MiB that nobody has mapped.

import { MappedFile } from 'faultless'
import { MiB, PAGE } from '../helpers/files.mjs'

const file = await MappedFile.open(process.argv[2])
const mapped = async (offset, length) => (await file.residency(offset, length)).mapped
const before = await mapped()
await file.prefault(8 * MiB, 2 * MiB)
await file.prefault(24 * MiB, 2 * MiB)
await file.prefault(40 * MiB + 5 * PAGE, 10)
const within = [
  await mapped(8 * MiB, 2 * MiB),
  await mapped(24 * MiB, 2 * MiB),
  await mapped(40 * MiB + 5 * PAGE, PAGE),
  await mapped(32 * MiB, 2 * MiB),
]
const elsewhere = await mapped(56 * MiB, 8 * MiB)
console.log(JSON.stringify({ before, within, elsewhere, all: await mapped() }))
await file.close()
