// Compares random ranges of a file with fs.readSync by every method, and prints which way of populating was used.

import { capabilities, MappedFile } from 'faultless'
import { compareWithSync, methods, randomRanges } from '../helpers/ranges.mjs'

const [path, count] = process.argv.slice(2)
const file = await MappedFile.open(path)
const ranges = randomRanges(file.byteLength, Number(count), 3)
for (const method of Object.keys(methods)) await compareWithSync(method, file, path, ranges)
await file.close()
console.log(JSON.stringify({ populate: capabilities().populate, methods: Object.keys(methods).length }))
