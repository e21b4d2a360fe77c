// residency() reports correct numbers of pages in the page cache and in the page table, or undefined.

import test from 'ava'
import { MappedFile } from 'faultless'
import { evict, residentPages } from './helpers/fault-rig.mjs'
import { MiB, PAGE, seededFile, sparseFile, TiB, temporaryFolder } from './helpers/files.mjs'
import { needs, program } from './helpers/rig.mjs'

needs('eviction', 'residentPages')('before and after prefault, as fincore says', async t => {
  const pages = MiB / PAGE
  const path = seededFile(temporaryFolder(t), MiB)
  const warm = await MappedFile.open(path)
  t.deepEqual(await warm.residency(), { pages, resident: pages, mapped: 0, pageSize: PAGE })
  await warm.close()

  evict(path)
  const evicted = residentPages(path)
  const file = await MappedFile.open(path)
  t.deepEqual(await file.residency(), { pages, resident: evicted, mapped: 0, pageSize: PAGE })
  await file.prefault(10 * PAGE, 20 * PAGE)
  t.like(await file.residency(10 * PAGE, 20 * PAGE), { pages: 20, resident: 20, mapped: 20 })
  t.is((await file.residency(200 * PAGE, 10 * PAGE)).mapped, 0)
  await file.prefault()
  t.deepEqual(await file.residency(), { pages, resident: pages, mapped: pages, pageSize: PAGE })
  t.is(residentPages(path), pages)
  await file.close()
})

test('counts the pages that a range touches', async t => {
  const file = await MappedFile.open(seededFile(temporaryFolder(t), 10 * PAGE - 5))
  for (const [offset, length, pages] of [
    [0, 0, 0],
    [0, 1, 1],
    [PAGE - 1, 1, 1],
    [PAGE - 1, 2, 2],
    [5, PAGE, 2],
    [0, 10 * PAGE, 10],
    [9 * PAGE, 100 * PAGE, 1],
    [100 * PAGE, PAGE, 0],
  ]) {
    t.is((await file.residency(offset, length)).pages, pages, `${length} bytes at ${offset}`)
  }
  t.is((await file.residency()).pages, 10)
  await file.close()
})

// Seen to fail: if one job counts all pages, close() and terminate() wait 16 s for its end.
test('neither close() nor terminate() waits until all of a huge file is counted', async t => {
  const report = await program(t, 'slow-residency', [sparseFile(temporaryFolder(t), TiB)])
  const closed = 'ERR_FILE_CLOSED'
  t.deepEqual(report, { closed, beforeClosed: true, beforeTerminated: true, first: closed })
})

needs('anotherUser')(
  'for a user who neither owns nor may write the file, mapped pages are correct and resident is undefined',
  async t => {
    const path = seededFile(temporaryFolder(t), MiB)
    const { before, after } = await program(t, 'residency', [path], { uid: 65534 })
    const pages = MiB / PAGE
    t.deepEqual(before, { pages, resident: 'undefined', mapped: 0, pageSize: PAGE })
    t.deepEqual(after, { pages, resident: 'undefined', mapped: pages, pageSize: PAGE })
  },
)
