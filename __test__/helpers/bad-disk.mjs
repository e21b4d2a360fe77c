// A file whose last part fails: a loop device whose backing file was truncated.

import fs from 'node:fs'
import { failAtEnd, loopDisk } from './fault-rig.mjs'
import { MiB, seededFile } from './files.mjs'

/** A cold file of `size` bytes, and a second, good one before it; the last `lost` bytes of the disk that it uses fail. */
export function badDisk(t, { size, lost, readAheadKiB = 128 }) {
  const disk = loopDisk({ size: 2 * size + 64 * MiB, readAheadKiB })
  t.teardown(disk.dispose)
  fs.chmodSync(disk.mountPoint, 0o755)
  const good = seededFile(disk.mountPoint, MiB, 2, 'good')
  const path = seededFile(disk.mountPoint, size, 1, 'bad')
  failAtEnd(disk, path, lost)
  // Warm, so that it can be read whatever the disk does.
  fs.readFileSync(good)
  return { path, good, disk }
}
