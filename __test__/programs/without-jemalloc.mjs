// What a build without jemalloc says of it, and whether it reads. `bash scripts/without-jemalloc.sh` runs it.
//
// Argument: a file.

import assert from 'node:assert/strict'
import fs from 'node:fs'
import { allocator, capabilities, MappedFile, mmapRead } from 'faultless'

const [path] = process.argv.slice(2)
assert.equal(capabilities().jemalloc, false)
for (const ask of [() => allocator.use('jemalloc'), () => allocator.stats('jemalloc')]) {
  assert.throws(ask, { code: 'ERR_UNSUPPORTED', message: /no jemalloc.*cargo feature 'jemalloc'.*stay with 'glibc'/ })
}
allocator.use('glibc')
assert.equal(allocator.current, 'glibc')
const file = await MappedFile.open(path)
assert.deepEqual(await file.read(), fs.readFileSync(path))
assert.deepEqual(await mmapRead(path), fs.readFileSync(path))
await file.close()
console.log("without jemalloc: reads work, and allocator.use('jemalloc') throws ERR_UNSUPPORTED")
