// A cold page cache, seen to be cold, and what a disk delivers from then on.
import { readlinkSync, statSync } from 'node:fs'
import { freemem } from 'node:os'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deviceNumbers, diskBytesRead, dropCaches, residentPages } from '../../__test__/helpers/fault-rig.mjs'
import { MiB } from './cells.mjs'
import { command } from './child.mjs'

const TOUCH = fileURLToPath(new URL('../programs/touch.mjs', import.meta.url))
/** What is used besides what the page cache will take. */
const BESIDES = 64 * MiB
/** Characters of the names of files that an error has. */
const NAMED = 500

/**
 * Empties the page cache of the machine; throws where anything of these files is left in it.
 *
 * The kernel of a virtual machine gives free memory back to its host, and the next touch of each page costs a fault that
 * only the host sees: several microseconds, paid by the thread that comes first, be it one that copies or one that uses a
 * view. So as much memory as the page cache will take is used just before.
 * @param {string[]} paths
 * @param {number} bytes that will be read
 */
export async function cool(paths, bytes) {
  dropCaches()
  await command(process.execPath, [TOUCH, String(Math.min(bytes + BESIDES, Math.floor(freemem() / 2)))])
  const pages = residentPages(...paths)
  if (pages > 0) throw new Error(`${pages} pages of ${paths.join(', ').slice(0, NAMED)} are still in the page cache`)
}

/** The block device under a file, or undefined where its file system has none of its own. @param {string} path */
export function diskUnder(path) {
  const { major, minor } = deviceNumbers(statSync(path).dev)
  try {
    return basename(readlinkSync(`/sys/dev/block/${major}:${minor}`))
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
