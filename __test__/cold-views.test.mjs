// Views, prefaults and locks of cold pages: the pages are read before they are mapped, so that no thread waits for a
// disk in a page fault. A thread that does holds mmap_lock, and blocks all threads that map or touch fresh memory.
//
// Seen to fail: if populating reads the pages itself, each request to the disk is a major fault, and the event loop
// is blocked until the disk fails.

import fs from 'node:fs'
import { join } from 'node:path'
import { again } from './helpers/again.mjs'
import { badDisk } from './helpers/bad-disk.mjs'
import { loopDisk, throttled } from './helpers/fault-rig.mjs'
import { KiB, MiB, seededFile } from './helpers/files.mjs'
import { needs, program } from './helpers/rig.mjs'

needs('loopDevices').serial('cold views, prefault() and lock() cause no major fault on any thread', async t => {
  const disk = loopDisk({ size: 96 * MiB, readAheadKiB: 128 })
  t.teardown(disk.dispose)
  const names = ['view', 'prefault', 'lock', 'chunks', 'touch']
  for (const name of [...names, 'warm']) seededFile(disk.mountPoint, 8 * MiB, 1, name)
  disk.cool()
  fs.readFileSync(join(disk.mountPoint, 'warm'))
  const { touch, ...report } = await program(t, 'major-faults', [disk.mountPoint, ...names])
  for (const [name, found] of Object.entries(report)) t.deepEqual(found, { faults: 0, whole: true }, name)
  t.true(touch.faults > 0 && touch.whole, `touching makes ${touch.faults}, or the others show nothing`)
})

needs('loopDevices', 'throttling').serial('a page that takes a second and then fails blocks no other work', async t => {
  const names = ['view', 'prefault', 'lock', 'read', 'touch']
  const { path, disk } = badDisk(t, { size: 16 * MiB, lost: 6 * MiB })
  const group = throttled({ device: disk.device, readIops: 2 })
  t.teardown(group.dispose)
  const isFine = (name, { longest, took }, all) => name === 'touch' || (took > 500 && longest < all.touch.longest / 4)
  const measure = async (some, time) => {
    // No page is requested twice.
    const from = 16 * MiB - (time + 1) * names.length * 256 * KiB
    const report = await program(t, 'slow-bad-disk', [path, from, ...new Set([...some, 'touch'])], { cgroups: [group] })
    return Object.fromEntries(
      Object.entries(report).map(([name, found]) => [name, { ...found, touched: report.touch }]),
    )
  }
  const report = await again(names, measure, (name, found) => isFine(name, found, { touch: found.touched }))
  const said = JSON.stringify(report)
  t.log(said)
  t.true(report.touch.longest > 500, `the disk is slow, or nothing is shown: ${said}`)
  for (const [name, { ended, touched, ...found }] of Object.entries(report)) {
    if (name === 'touch') continue
    t.is(ended, 'EIO', name)
    t.true(isFine(name, found, { touch: touched }), `${name}: ${said}`)
  }
})
