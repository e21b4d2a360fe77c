// Reads and writes a file in each way there is, where no external buffers are allowed: prints what came of it.
import fs from 'node:fs'
import { allocator, capabilities, MappedFile } from 'faultless'

const path = process.argv[2]
const bytes = fs.readFileSync(path)
const same = (found, offset, length) => bytes.subarray(offset, offset + length).equals(found)
const codeOf = async call => {
  try {
    await call()
    return 'done'
  } catch (error) {
    return error.code
  }
}

const { externalBuffers, sharedViews, jemalloc } = capabilities()
const file = await MappedFile.open(path)
const target = Buffer.alloc(1000)
await file.readInto(target, 500)
const view = await file.view(100, 5000)
const viewed = same(view, 100, 5000)
view.fill(0)
const again = await file.view(100, 5000)
const parts = []
for await (const chunk of file.chunks()) parts.push(Buffer.from(chunk))
const writer = await MappedFile.open(path, { flags: 'r+' })
await writer.write(Buffer.from('new'), 7)
const result = {
  externalBuffers,
  sharedViews,
  jemalloc,
  backend: file.backend,
  reads: same(target, 500, 1000) && same(await file.read(2000, 1000), 2000, 1000),
  view: viewed,
  viewIsOwn: same(again, 100, 5000),
  tryView: same(file.tryView(100, 100), 100, 100),
  chunks: same(Buffer.concat(parts), 0, bytes.length),
  written: (await file.read(7, 3)).toString() === 'new',
  writableView: await codeOf(() => writer.view(0, 10)),
  shared: await codeOf(() => MappedFile.open(path, { shared: true })),
  useJemalloc: await codeOf(() => allocator.use('jemalloc')),
}
await Promise.all([file.close(), writer.close()])
console.log(JSON.stringify(result))
