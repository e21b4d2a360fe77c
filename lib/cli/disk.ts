// What lies under a path: its file system, its block device, and how far that reads ahead.

import { realpathSync, statSync } from 'node:fs'
import { readText } from './system.js'

export interface Disk {
  /** As the kernel calls it: `ext4`, `tmpfs`, `nfs4`. */
  fileSystem: string | null
  /** `major:minor`. */
  device: string
  /** Null where there is no device to read ahead on. */
  readAheadKiB: number | null
}

export function describeDisk(path: string): Disk {
  const { dev } = statSync(path)
  const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`
  // A partition has no queue of its own but its disk's; a file system without a disk (btrfs, overlay) only a bdi.
  const readAhead =
    readText(`/sys/dev/block/${device}/queue/read_ahead_kb`) ??
    readText(`/sys/dev/block/${device}/../queue/read_ahead_kb`) ??
    readText(`/sys/class/bdi/${device}/read_ahead_kb`)
  return { fileSystem: fileSystemOf(path), device, readAheadKiB: readAhead === undefined ? null : Number(readAhead) }
}

/** The type of the file system whose mount point is the longest that leads to the path. */
function fileSystemOf(path: string): string | null {
  const real = realpathSync(path)
  const mounts = (readText('/proc/self/mounts') ?? '')
    .split('\n')
    .map(line => line.split(' '))
    .filter(([, point]) => point && `${real}/`.startsWith(point === '/' ? point : `${point}/`))
    .sort(([, left = ''], [, right = '']) => left.length - right.length)
  return mounts.at(-1)?.[2] ?? null
}
