// Takes a file out of the page cache by advise('dontneed') right after it was seen there, and looks for it at once, again and
// again; prints how often that was answered, and what major faults it cost. dontneed.mjs PATH

import { setTimeout as delay } from 'node:timers/promises'
import { MappedFile, mmapRead } from 'faultless'
import { residentPages } from '../helpers/fault-rig.mjs'
import { KiB, PAGE } from '../helpers/files.mjs'
import { majorFaults } from '../helpers/process.mjs'

const [path] = process.argv.slice(2)
const [page, block] = [Buffer.alloc(PAGE), Buffer.alloc(64 * KiB)]
const ways = {
  'tryReadInto of a page': (file, offset) => file.tryReadInto(page, offset),
  'tryReadInto of 64 KiB': (file, offset) => file.tryReadInto(block, offset),
  tryRead: (file, offset) => file.tryRead(offset, PAGE),
  // Touched, as whoever asks for a view does.
  tryView: (file, offset) => file.tryView(offset, PAGE)?.at(0),
  read: (file, offset) => file.read(offset, PAGE),
  mmapRead: (_, offset) => mmapRead(path, offset, PAGE),
}
const report = { evicted: 0, faults: {} }
for (let round = 0; round < 120; round++) {
  const [name, way] = Object.entries(ways)[round % Object.keys(ways).length]
  const file = await MappedFile.open(path)
  // Asked for again, because another test may empty the page cache of the whole machine.
  do {
    await file.advise('willneed')
    await delay(1)
  } while ((await file.residency()).resident < file.byteLength / PAGE)
  if (name === 'mmapRead') await mmapRead(path, 0, PAGE)
  // What is known of this page is known of those around it.
  file.tryReadInto(page, 0)
  await file.advise('dontneed')
  const faults = majorFaults()
  await way(file, 256 * KiB)
  const more = majorFaults() - faults
  if (more > 0) report.faults[name] = (report.faults[name] ?? 0) + more
  await file.advise('dontneed')
  if (residentPages(path) < file.byteLength / PAGE) report.evicted++
  await file.close()
  mmapRead.release()
}
console.log(JSON.stringify(report))
