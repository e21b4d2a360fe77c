// A cold page cache, seen to be cold, and what a disk delivers from then on.
import { readlinkSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { diskBytesRead, dropCaches, residentPages } from './faults.mjs'

/** Empties the page cache of the machine; throws where anything of these files is left in it. @param {string[]} paths */
export function cool(paths) {
  dropCaches()
  for (const path of paths) {
    const pages = residentPages(path)
    if (pages > 0) throw new Error(`${pages} pages of ${path} are still in the page cache`)
  }
}

/** The block device under a file, or undefined where its file system has none of its own. @param {string} path */
export function diskUnder(path) {
  const { dev } = statSync(path)
  const numbers = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`
  try {
    return basename(readlinkSync(`/sys/dev/block/${numbers}`))
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

/** Starts to count what a disk delivers; without a disk nothing is counted. @param {string | undefined} disk */
export function countBytes(disk) {
  if (disk === undefined) return () => undefined
  const before = diskBytesRead(disk)
  return () => diskBytesRead(disk) - before
}
