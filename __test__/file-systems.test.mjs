// Other file systems than the usual one: tmpfs, overlayfs, XFS and btrfs give the right bytes by every method.

import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { MappedFile } from 'faultless'
import { loopDisk } from '../bench/harness/faults.mjs'
import { KiB, MiB, seededFile, temporaryFolder } from './helpers/files.mjs'
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
      const { mmapRead } = await import('faultless')
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

test.serial('overlayfs: a file of the lower layer, and one of the upper', async t => {
  if (!allowed(t, 'root')) return
  const base = mounted(t, '-t', 'tmpfs', 'faultless')
  if (!base) return
  const layers = ['lower', 'upper', 'work'].map(name => join(base, name))
  for (const layer of layers) mkdirSync(layer)
  seededFile(layers[0], 3 * MiB + 77, 1, 'below')
  const options = `lowerdir=${layers[0]},upperdir=${layers[1]},workdir=${layers[2]}`
  const at = mounted(t, '-t', 'overlay', '-o', options, 'faultless')
  if (!at) return
  await readsRight(t, join(at, 'below'))
  await readsRight(t, seededFile(at, MiB + 5, 2, 'above'))
})

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
