// The file system and the block device of a path, and the read-ahead of that device.

import { realpathSync, statSync } from 'node:fs'
import { readText } from './system.js'

export interface Disk {
  /** The name that the kernel uses: `ext4`, `tmpfs`, `nfs4`. */
  fileSystem: string | null
  /** `major:minor`. */
  device: string
  /** Null where no device reads ahead. */
  readAheadKiB: number | null
}

export function describeDisk(path: string): Disk {
  const { dev } = statSync(path)
  const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`
  // A partition uses the queue of its disk. A file system without a disk (btrfs, overlay) has only a bdi.
  const readAhead =
    readText(`/sys/dev/block/${device}/queue/read_ahead_kb`) ??
    readText(`/sys/dev/block/${device}/../queue/read_ahead_kb`) ??
    readText(`/sys/class/bdi/${device}/read_ahead_kb`)
  return { fileSystem: fileSystemOf(path), device, readAheadKiB: readAhead === undefined ? null : Number(readAhead) }
}

/** The type of the file system whose mount point is the longest prefix of the path. */
function fileSystemOf(path: string): string | null {
  const real = realpathSync(path)
  const mounts = (readText('/proc/self/mounts') ?? '')
    .split('\n')
    .map(line => line.split(' '))
    .filter(([, point]) => point && `${real}/`.startsWith(point === '/' ? point : `${point}/`))
    .sort(([, left = ''], [, right = '']) => left.length - right.length)
  return mounts.at(-1)?.[2] ?? null
}
