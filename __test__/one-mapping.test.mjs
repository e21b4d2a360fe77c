// One read mapping of a file serves the whole process, and every mapping is removed with its last user.
//
// Seen to fail: if the registry finds nothing, each worker and each handle has its own mapping.

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { bytesBySync, MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
import { mappingsOf, untilReleased } from './helpers/process.mjs'
import { all, startReaders, stop } from './helpers/workers.mjs'

const WORKERS = 8
const part = { offset: 123_457, length: 2 * MiB + 5 }

test('8 workers that read and view one file share one read mapping; none is left once they closed and forgot', async t => {
  const path = seededFile(temporaryFolder(t), 8 * MiB)
  const expected = createHash('sha256')
    .update(bytesBySync(path, part.offset, part.length))
    .digest('hex')
  const workers = await startReaders(t, WORKERS, { path, ...part })

  for (const { read, view } of await all(workers, 'digests')) {
    t.is(read, expected)
    t.is(view, expected)
  }
  const mappings = mappingsOf(path)
  t.deepEqual(
    mappings.filter(permissions => permissions !== 'rw-p'),
    ['r--s'],
    `the one read mapping and the views' own: ${mappings}`,
  )
  t.true(mappings.includes('rw-p'), 'views are mapped, not copied')

  await all(workers, 'close')
  for (const digest of await all(workers, 'digestOfView')) t.is(digest, expected)
  t.true(mappingsOf(path).includes('rw-p'), 'views outlive close()')

  await all(workers, 'forgetView')
  await t.notThrowsAsync(untilReleased(path))
})

test('workers that end without closing leave no mapping behind', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  const workers = await startReaders(t, 4, { path, offset: 0, length: MiB })
  t.true(mappingsOf(path).length > 0)
  await stop(workers)
  await t.notThrowsAsync(untilReleased(path))
})

test('100 handles, a hard link and mmapRead share one mapping and its descriptor', async t => {
  const folder = temporaryFolder(t)
  const path = seededFile(folder, MiB)
  const link = join(folder, 'link')
  fs.linkSync(path, link)
  const files = await Promise.all(Array.from({ length: 100 }, (_, index) => MappedFile.open(index % 2 ? path : link)))
  await Promise.all(files.map(file => file.read(0, 10)))
  await mmapRead(path, 0, 10)
  t.deepEqual([...mappingsOf(path), ...mappingsOf(link)], ['r--s'])

  mmapRead.release(path)
  await Promise.all(files.slice(1).map(file => file.close()))
  t.deepEqual(await files[0].read(5, 100), bytesBySync(path, 5, 100), 'the last one still reads')
  await files[0].close()
  await t.notThrowsAsync(untilReleased(path))
  await t.notThrowsAsync(untilReleased(link))
})

test('a handle that was forgotten without close() lets go of the file when it is collected', async t => {
  const path = seededFile(temporaryFolder(t), MiB)
  await (async () => {
    const file = await MappedFile.open(path)
    await file.read(0, 100)
    await file.view(0, 100)
  })()
  await t.notThrowsAsync(untilReleased(path))
})
