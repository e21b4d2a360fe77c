// `faultless residency`: shows how much of a file is in the page cache, and where.

import { MappedFile } from '../mapped-file.js'
import type { Command, Line } from './command.js'
import { EXIT, type ExitCode } from './exit.js'
import { eachFile, failed } from './files.js'
import { bar, print, printJson, progress, styled } from './output.js'
import { formatBytes, formatShare } from './sizes.js'

/** Columns of the bar. A file has no more buckets than pages. */
const BUCKETS = 72

interface Bucket {
  offset: number
  length: number
  pages: number
  /** Pages in the page cache; null where the kernel does not show them to this user. */
  resident: number | null
}

interface Found {
  path: string
  size: number
  pageSize: number
  pages: number
  resident: number | null
  buckets: Bucket[]
}

export const command: Command = {
  usage: 'FILE… [--json]',
  about: [
    'Shows how much of each file is in the page cache, and where. Each column of the bar is an equal part of the file: a dot ' +
      'where none of its pages are in memory, a full block where all are. The files are not read.',
    'A folder stands for all files below it. The kernel shows the page cache only to the owner of a file, to root, and to ' +
      'users who may write the file. To others it reports every page as resident; the result is then unknown.',
  ],
  options: {},
  found: 'a file could not be opened, or its resident pages are unknown',
  run,
}

async function run({ words, json }: Line): Promise<ExitCode> {
  const files = await eachFile(words, async path => {
    const found = await look(path)
    if (!json) report(found)
    return found
  })
  const all = files.filter((file): file is Found => !failed(file))
  const total = {
    files: all.length,
    size: sum(all.map(({ size }) => size)),
    pages: sum(all.map(({ pages }) => pages)),
    resident: addUp(all.map(({ resident }) => resident)),
  }
  if (json) printJson({ command: 'residency', files, total })
  else if (all.length > 1) print(styled('bold', summary(`${all.length} files`, { ...total, pageSize: pageSize(all) })))
  return all.length === files.length && total.resident !== null ? EXIT.fine : EXIT.found
}

async function look(path: string): Promise<Found> {
  const file = await MappedFile.open(path)
  try {
    const { pageSize } = await file.residency(0, 0)
    const size = file.byteLength
    const pages = Math.ceil(size / pageSize)
    const length = Math.max(1, Math.ceil(pages / BUCKETS)) * pageSize
    const count = Math.ceil(size / length)
    let done = 0
    // Counted on the pool, several at a time: a terabyte is 268 million pages.
    const buckets = await Promise.all(
      Array.from({ length: count }, async (_, index): Promise<Bucket> => {
        const { pages, resident = null } = await file.residency(index * length, length)
        progress.show(`${path}: ${formatShare(++done / count)} checked`)
        return { offset: index * length, length: Math.min(length, size - index * length), pages, resident }
      }),
    )
    return { path, size, pageSize, pages, resident: addUp(buckets.map(({ resident }) => resident)), buckets }
  } finally {
    progress.clear()
    await file.close()
  }
}

function report(found: Found): void {
  print(summary(found.path, found))
  if (found.resident !== null && found.pages > 0) {
    print(`  ${bar(found.buckets.map(({ pages, resident }) => Number(resident) / pages))}`)
  }
}

function summary(name: string, { size, pages, resident, pageSize }: Omit<Found, 'path' | 'buckets'>): string {
  if (pages === 0) return `${name}: empty`
  if (resident === null) return `${name}: ${formatBytes(size)}, unknown: run this as its owner, or as root`
  const bytes = Math.min(size, resident * pageSize)
  return `${name}: ${formatBytes(bytes)} of ${formatBytes(size)} in memory, ${formatShare(resident / pages)}`
}

const pageSize = ([first]: Found[]): number => first?.pageSize ?? 0

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0)

/** The sum; null where one of the numbers is null. */
const addUp = (numbers: (number | null)[]): number | null =>
  numbers.some(number => number === null) ? null : sum(numbers as number[])
