// Writes to a file by calls and through views, flushes, says so, and goes on writing until it is killed.

import { MappedFile } from 'faultless'
import { MiB, seededBytes } from '../helpers/files.mjs'

const file = await MappedFile.open(process.argv[2], { flags: 'r+' })
const view = await file.view(0, file.byteLength)
seededBytes(MiB, 5).copy(view, 0)
await file.write(seededBytes(2 * MiB, 6), 3 * MiB - 7)
await file.write(seededBytes(MiB, 7), file.byteLength)
await file.flush()
console.log('flushed')
for (let byte = 0; ; byte = (byte + 1) % 256) {
  view.fill(byte, MiB, 2 * MiB)
  await file.write(Buffer.alloc(1000, byte), file.byteLength)
}
