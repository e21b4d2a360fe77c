// The checks of the doctor on files: their disk, and whether this user can see their page cache.

import { MappedFile } from '../mapped-file.js'
import { describeDisk } from './disk.js'
import type { Check } from './doctor.js'
import { eachFile, failed } from './files.js'
import { formatBytes } from './sizes.js'

/** File systems where a change by another machine may be visible late. */
const REMOTE = /^(nfs|cifs|smb|9p|ceph|afs|fuse|virtiofs|lustre|glusterfs)/

export async function fileChecks(words: string[]): Promise<Check[]> {
  if (words.length === 0) return []
  const rows = await eachFile(words, async path => ({ path, checks: await look(path) }))
  return rows.flatMap(row =>
    failed(row) ? [{ name: row.path, status: 'problem' as const, found: row.error.message }] : row.checks,
  )
}

async function look(path: string): Promise<Check[]> {
  const file = await MappedFile.open(path)
  try {
    const { resident } = await file.residency(0, 1)
    const { fileSystem, readAheadKiB } = describeDisk(path)
    const size = formatBytes(file.byteLength)
    const check = (status: Check['status'], found: string, advice?: string): Check =>
      advice === undefined ? { name: path, status, found } : { name: path, status, found, advice }
    const onDisk = `${size} on ${fileSystem ?? 'an unknown file system'}`
    return [
      onFileSystem(fileSystem ?? '', onDisk, check),
      ...(file.backend === 'mapped' ? [] : [check('note', 'is read, not mapped', NOT_MAPPED)]),
      ...(readAheadKiB === null ? [] : [readAhead(readAheadKiB, check)]),
      resident === undefined
        ? check(
            'note',
            'this user cannot see which pages are in the page cache',
            'Reads of pages that are not in the page table go to the pool. The owner of the file, and users who may write it, see the page cache.',
          )
        : check('ok', 'this user can see which pages are in the page cache'),
      ...tooLarge(file.byteLength, check),
    ]
  } finally {
    await file.close()
  }
}

const NOT_MAPPED =
  'Every read is a system call on the pool; files that the kernel generates are read into memory. Views are copies, and a file that is open for writing has none.'

function onFileSystem(fileSystem: string, onDisk: string, check: MakeCheck): Check {
  if (REMOTE.test(fileSystem)) {
    const advice =
      'Every read goes to the pool. Changes by other machines may be visible late, or in part: see "When not to use it".'
    return check('note', onDisk, advice)
  }
  if (fileSystem === 'overlay') {
    const advice =
      'The first write to a file of a lower layer copies the file to the upper layer. Open handles then read the new bytes, but ' +
      'their views show the old ones until refresh(). Unless the layers are on ext4, every read goes to the pool.'
    return check('note', onDisk, advice)
  }
  return check('ok', onDisk)
}

type MakeCheck = (status: Check['status'], found: string, advice?: string) => Check

function readAhead(kib: number, check: MakeCheck): Check {
  if (kib > 0) return check('ok', `read-ahead of ${formatBytes(kib * 1024)}`)
  const advice =
    'Files are read page by page, even in order. As root, run blockdev --setra 256 DEVICE, which sets 128 KiB.'
  return check('problem', 'no read-ahead', advice)
}

function tooLarge(bytes: number, check: MakeCheck): Check[] {
  const free = process.availableMemory()
  if (bytes <= free) return []
  const advice =
    'A mapping is faster while the pages in use stay in memory. For random reads all over such a file, fs.read can be faster.'
  return [check('note', `larger than the free memory, ${formatBytes(free)}`, advice)]
}
