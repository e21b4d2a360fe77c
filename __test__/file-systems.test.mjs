// Other file systems than the usual one: tmpfs, overlayfs, XFS and btrfs give the right bytes by every method.
// Seen to fail: without the time of change in a file's identity, refresh() of what was copied up rejects.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile, mmapRead } from 'faultless'
import { loopDisk } from '../bench/harness/faults.mjs'
import { KiB, MiB, seededBytes, seededFile, temporaryFolder } from './helpers/files.mjs'
import { untilReleased } from './helpers/process.mjs'
import { compareWithSync, methods, randomRanges } from './helpers/ranges.mjs'
import { allowed } from './helpers/rig.mjs'

/** Mounts something at a folder of its own until the test is over; why it cannot, where it cannot. */
function mounted(t, ...args) {
  const at = temporaryFolder(t)
  try {
    execFileSync('mount', [...args, at], { stdio: 'pipe' })
  } catch (error) {
    t.log(`not run here: ${error.stderr ?? error.message}`)
    t.pass()
    return undefined
  }
  t.teardown(() => execFileSync('umount', ['--lazy', at]))
  return at
}

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

test.serial('tmpfs', async t => {
  if (!allowed(t, 'root')) return
  const at = mounted(t, '-t', 'tmpfs', 'faultless')
  if (at) await readsRight(t, seededFile(at, 3 * MiB + 77))
})

/** An overlay whose lower layer has been filled; undefined where there can be none. */
function overlaid(t, fill) {
  const base = mounted(t, '-t', 'tmpfs', 'faultless')
  if (!base) return undefined
  const layers = ['lower', 'upper', 'work'].map(name => join(base, name))
  for (const layer of layers) fs.mkdirSync(layer)
  fill(layers[0])
  const options = `lowerdir=${layers[0]},upperdir=${layers[1]},workdir=${layers[2]}`
  return mounted(t, '-t', 'overlay', '-o', options, 'faultless')
}

test.serial('overlayfs: a file of the lower layer, and one of the upper', async t => {
  if (!allowed(t, 'root')) return
  const at = overlaid(t, lower => seededFile(lower, 3 * MiB + 77, 1, 'below'))
  if (!at) return
  await readsRight(t, join(at, 'below'))
  await readsRight(t, seededFile(at, MiB + 5, 2, 'above'))
})

test.serial(
  'overlayfs: a file that is copied up under a handle is found by refresh(), and by mmapRead at once',
  async t => {
    if (!allowed(t, 'root')) return
    const at = overlaid(t, lower => seededFile(lower, MiB, 1, 'below'))
    if (!at) return
    const path = join(at, 'below')
    const file = await MappedFile.open(path)
    const view = await file.view()
    await mmapRead(path)
    // The first write copies the file up: the name leads to another inode from now on, of the same number.
    const fresh = seededBytes(MiB + 99, 2)
    fs.writeFileSync(path, fresh)
    t.true(fresh.equals(await mmapRead(path)), 'mmapRead looks at each call')
    t.true(seededBytes(MiB).equals(await file.read()), 'the handle stays with the file that it opened')
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
  test.serial(`${fileSystem}, cold each time`, async t => {
    if (!allowed(t, 'loopDevices')) return
    let disk
    try {
      disk = loopDisk({ size, fileSystem, readAheadKiB: 128 })
    } catch (error) {
      t.log(`not run here: ${error.message}`)
      t.pass()
      return
    }
    t.teardown(disk.dispose)
    const path = seededFile(disk.mountPoint, 2 * MiB + 3 * KiB)
    await readsRight(t, path, disk.cool)
  })
}
