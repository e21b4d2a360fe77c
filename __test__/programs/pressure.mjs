// Reads a file at random in less memory than it has bytes, and prints whether every byte was right. Runs in a memory cgroup.

import { MappedFile, mmapRead } from 'faultless'
import { PAGE, seededNumbers } from '../helpers/files.mjs'

const [path, reads] = [process.argv[2], Number(process.argv[3])]
const file = await MappedFile.open(path)
const pages = file.byteLength / PAGE
const random = seededNumbers(11)
const target = Buffer.alloc(512)
let wrong = 0
let done = 0

// Each page of the file begins with its number: what was read tells where it came from.
const check = (bytes, page) => {
  done++
  if (bytes.length !== 512 || bytes.readUInt32LE(0) !== page || bytes[511] !== (page & 0xff)) wrong++
}
const place = () => Math.floor(random() * pages)

const ways = [
  async page => check(await file.read(page * PAGE, 512), page),
  async page => {
    const mine = Buffer.alloc(512)
    await file.readInto(mine, page * PAGE)
    check(mine, page)
  },
  async page => check(await file.view(page * PAGE, 512), page),
  async page => check(await mmapRead(path, page * PAGE, 512), page),
  async page => {
    // At once or not at all; then nothing runs between the answer and the check.
    if (file.tryReadInto(target, page * PAGE) !== undefined) check(target, page)
  },
]

while (done < reads) {
  const batch = Array.from({ length: 200 }, place)
  const many = await file.readMany(batch.map(page => ({ offset: page * PAGE, length: 512 })))
  for (const [index, bytes] of many.entries()) check(bytes, batch[index])
  await Promise.all(Array.from({ length: 200 }, (_, index) => ways[index % 5](place())))
}
await file.close()
console.log(JSON.stringify({ enough: done >= reads, wrong }))
