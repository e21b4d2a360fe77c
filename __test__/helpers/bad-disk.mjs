// A file of which the last part lies where its disk fails: a loop device whose backing file was cut under it.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { loopDisk } from '../../bench/harness/faults.mjs'
import { MiB, PAGE, seededFile } from './files.mjs'

/** A cold file of `size` bytes, and a second, good one before it; the last `lost` bytes of the disk that it uses fail. */
export function badDisk(t, { size, lost }) {
  const disk = loopDisk({ size: 2 * size + 64 * MiB, readAheadKiB: 128 })
  t.teardown(disk.dispose)
  fs.chmodSync(disk.mountPoint, 0o755)
  const good = seededFile(disk.mountPoint, MiB, 2, 'good')
  const path = seededFile(disk.mountPoint, size, 1, 'bad')
  const extents = listed =>
    [...listed.matchAll(/^ *\d+: +\d+\.\. *\d+: +\d+\.\. *(\d+):/gm)].map(match => Number(match[1]))
  const look = () => execFileSync('filefrag', ['-v', `-b${PAGE}`, path], { encoding: 'utf8' })
  execFileSync('sync')
  disk.cool()
  // Looked at, so that where the file lies is known to the kernel before the disk fails.
  const last = Math.max(...extents(look()))
  fs.readFileSync(good)
  // Anything written to the device behind the cut would make the backing file whole again, with zeros.
  execFileSync('mount', ['-o', 'remount,ro', disk.mountPoint])
  fs.truncateSync(disk.backingFile, (last + 1) * PAGE - lost)
  return { path, good, disk }
}
