// Less common file systems: tmpfs, overlayfs, XFS and btrfs give the right bytes by every method.
//
// Seen to fail: without the change time in the identity of a file, refresh() of a copied-up file rejects.

import fs from 'node:fs'
import { join } from 'node:path'
import { MappedFile, mmapRead } from 'faultless'
import { loopDisk, memoryDisk, overlay } from './helpers/fault-rig.mjs'
import { KiB, MiB, PAGE, seededBytes, seededFile, sparseFile } from './helpers/files.mjs'
import { untilReleased } from './helpers/process.mjs'
import { compareWithSync, methods, randomRanges } from './helpers/ranges.mjs'
import { needs } from './helpers/rig.mjs'

async function readsRight(t, path, cool) {
  const ranges = file => randomRanges(file.byteLength, 60, 3)
  for (const method of Object.keys(methods)) {
    cool?.()
    const file = await MappedFile.open(path)
    await t.notThrowsAsync(compareWithSync(method, file, path, ranges(file)), method)
    await file.close()
    if (cool) {
      mmapRead.release()
      await untilReleased(path)
    }
  }
}

needs('tmpfs').serial('tmpfs', async t => {
  const disk = memoryDisk()
  t.teardown(disk.dispose)
  await readsRight(t, seededFile(disk.mountPoint, 3 * MiB + 77))
})

/** Ways through 40 MiB of holes, each to what it gives; views are not touched here, which would make pages of them. */
const THROUGH = 40 * MiB
const throughHoles = {
  async read(file, offset) {
    return [await file.read(offset, THROUGH)]
  },
  async readMany(file, offset) {
    return file.readMany(Array.from({ length: 40 }, (_, index) => ({ offset: offset + index * MiB, length: MiB })))
  },
  async readInto(file, offset) {
    const target = Buffer.alloc(THROUGH, 1)
    await file.readInto(target, offset)
    return [target]
  },
  slice: async (file, offset) => [Buffer.from(await file.slice(offset, offset + THROUGH))],
  createReadStream: (file, offset) => file.createReadStream({ start: offset, end: offset + THROUGH - 1 }),
  async 'tryRead after prefault'(file, offset) {
    await file.prefault(offset, THROUGH)
    const parts = Array.from({ length: 40 }, (_, index) => file.tryRead(offset + index * MiB, MiB))
    return parts.map(part => part ?? Buffer.alloc(MiB))
  },
  async view(file, offset) {
    await file.view(offset, THROUGH)
    return [Buffer.alloc(THROUGH)]
  },
  async chunks(file, offset) {
    let length = 0
    for await (const chunk of file.chunks({ start: offset, end: offset + THROUGH })) length += chunk.length
    return [Buffer.alloc(length)]
  },
  mmapRead: async (file, offset) => [await mmapRead(file.path, offset, THROUGH)],
}

/** A file of a tmpfs of 64 MiB that is all hole, longer than all the ways together. */
function holesOfTmpfs(t) {
  const disk = memoryDisk('size=64m')
  t.teardown(disk.dispose)
  return sparseFile(disk.mountPoint, (Object.keys(throughHoles).length + 1) * THROUGH)
}

async function zerosOnly(t, way, parts) {
  let length = 0
  for await (const part of parts) {
    length += part.length
    t.true(part.equals(Buffer.alloc(part.length)), `${way} gives zeros`)
  }
  t.is(length, THROUGH, way)
}

// Seen to fail: tmpfs allocates the pages of a hole when they are faulted in.
needs('tmpfs').serial('tmpfs: holes that are read, faulted in and viewed stay holes', async t => {
  const path = holesOfTmpfs(t)
  const file = await MappedFile.open(path)
  const free = () => fs.statfsSync(path).bfree
  const before = free()
  const used = {}
  for (const [index, [way, through]] of Object.entries(throughHoles).entries()) {
    await zerosOnly(t, way, await through(file, index * THROUGH))
    // One test per file system, so that the memory of one does not count for the next.
    used[way] = before - free()
    fs.truncateSync(path, 0)
    fs.truncateSync(path, file.byteLength)
    await file.refresh()
  }
  t.deepEqual(used, Object.fromEntries(Object.keys(throughHoles).map(way => [way, 0])))
  await file.close()
  mmapRead.release(path)
})

// Seen to fail: a view of a hole needs a page, and the file system has no free one.
needs('tmpfs').serial('tmpfs: a file with holes is read where the file system is full', async t => {
  const path = holesOfTmpfs(t)
  const file = await MappedFile.open(path)
  const free = fs.statfsSync(path).bfree
  t.throws(() => fs.writeFileSync(`${path}-beside`, Buffer.alloc((free + 1) * PAGE)), { code: 'ENOSPC' })
  t.is(fs.statfsSync(path).bfree, 0)
  for (const [index, [way, through]] of Object.entries(throughHoles).entries()) {
    await t.notThrowsAsync(async () => zerosOnly(t, way, await through(file, index * THROUGH)), way)
  }
  t.true((await file.view(THROUGH * 2, 100)).equals(Buffer.alloc(100)))
  await file.close()
  mmapRead.release(path)
})

/** An overlay whose lower layer has a file `below`. */
function overlaid(t, length) {
  const lowerOf = ({ mountPoint }) => {
    const lower = join(mountPoint, 'lower')
    fs.mkdirSync(lower)
    seededFile(lower, length, 1, 'below')
    return lower
  }
  const { mountPoint, dispose } = overlay(lowerOf)
  t.teardown(dispose)
  return mountPoint
}

needs('overlayfs').serial('overlayfs: a file of the lower layer, and one of the upper', async t => {
  const at = overlaid(t, 3 * MiB + 77)
  await readsRight(t, join(at, 'below'))
  await readsRight(t, seededFile(at, MiB + 5, 2, 'above'))
})

needs('overlayfs').serial(
  'overlayfs: a file that is copied up under a handle is found by refresh(), and by mmapRead at once',
  async t => {
    const path = join(overlaid(t, MiB), 'below')
    const file = await MappedFile.open(path)
    const view = await file.view()
    await mmapRead(path)
    // The first write copies the file up: the name leads to another inode from now on, of the same number.
    const fresh = seededBytes(MiB + 99, 2)
    fs.writeFileSync(path, fresh)
    t.true(fresh.equals(await mmapRead(path)), 'mmapRead looks at each call')
    t.true(
      fresh.subarray(0, MiB).equals(await file.read()),
      'a read gives what read(2) gives, up to the length that it knows',
    )
    t.is(await file.refresh(), MiB + 99)
    for (const bytes of [await file.read(), await file.view(), await mmapRead(path, 0, MiB + 99)]) {
      t.true(fresh.equals(bytes))
    }
    t.true(seededBytes(MiB).equals(view), 'and so does the old view')
    fs.appendFileSync(path, 'more')
    t.is(await file.refresh(), MiB + 103)
    t.is((await file.read(MiB + 99)).toString(), 'more')
    await file.close()
    mmapRead.release(path)
  },
)

for (const [fileSystem, size] of [
  ['xfs', 320 * MiB],
  ['btrfs', 128 * MiB],
]) {
  needs('loopDevices', fileSystem).serial(`${fileSystem}, cold each time`, async t => {
    const disk = loopDisk({ size, fileSystem, readAheadKiB: 128 })
    t.teardown(disk.dispose)
    const path = seededFile(disk.mountPoint, 2 * MiB + 3 * KiB)
    await readsRight(t, path, disk.cool)
  })
}
