// Reads a file in each way that takes another path through the addon, and prints whether the bytes are right.

import fs from 'node:fs'
import { MappedFile, mmapRead } from 'faultless'
import { hyparquetBuffer } from 'faultless/sources'

const PATH = 'data.bin'

export async function reads() {
  const bytes = fs.readFileSync(PATH)
  const file = await MappedFile.open(PATH)
  const target = Buffer.alloc(100)
  const found = [
    await file.read(10, 100),
    (await file.readMany([{ offset: 10, length: 100 }]))[0],
    await file.view(10, 100),
    (await file.readInto(target, 10)) === 100 && target,
    Buffer.from(await hyparquetBuffer(file).slice(10, 110)),
    await mmapRead(PATH, 10, 100),
  ]
  const chunks = []
  for await (const chunk of file.createReadStream()) chunks.push(chunk)
  await file.close()
  const expected = bytes.subarray(10, 110)
  return found.every(each => expected.equals(each)) && bytes.equals(Buffer.concat(chunks))
    ? 'all bytes are right'
    : 'wrong'
}
