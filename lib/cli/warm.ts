// `faultless warm`: reads files into memory, with progress and rate.

import { MappedFile } from '../mapped-file.js'
import type { Command, Line } from './command.js'
import { EXIT, type ExitCode, usage } from './exit.js'
import { eachFile, failed } from './files.js'
import { print, printJson, progress, warn } from './output.js'
import { formatBytes, formatShare, formatTime, toBytes } from './sizes.js'

/**
 * The size of a chunk, and the number of chunks that are read at a time: enough for progress in between, without pauses
 * of the disk.
 */
const CHUNK = 16 << 20
const AT_ONCE = 2

interface Part {
  path: string
  offset: number
  length: number
}

interface Warmed extends Part {
  /** Bytes that were faulted in, or were in memory already. */
  done: number
  /** Bytes of the part that were in memory before; null where the kernel does not show that to this user. */
  before: number | null
  /** Bytes of `done` that are in memory now; null likewise. */
  after: number | null
  milliseconds: number
  bytesPerSecond: number
}

export const command: Command = {
  usage: 'FILE… [--offset SIZE] [--length SIZE] [--json]',
  about: [
    'Reads files, or one range of each, into the page cache, so that the next program that reads or maps them does not ' +
      'wait for the disk. A folder stands for all files below it. Ctrl-C stops at the next chunk.',
    'SIZE is a number of bytes: 4096, 64K, 1.5GiB (powers of 1024), 10MB (of 1000).',
    'The kernel may evict the pages again when they are not used. A file that is larger than the free memory evicts its ' +
      'own pages; the command warns of that.',
  ],
  options: {
    offset: { type: 'string', value: 'SIZE', about: 'the first byte in each file (0)' },
    length: { type: 'string', value: 'SIZE', about: 'bytes of each file (the rest of the file)' },
  },
  found: 'a file could not be opened or read, or did not stay in memory',
  run,
}

async function run({ words, json, text }: Line): Promise<ExitCode> {
  const sizeOf = (name: string) => {
    const value = text(name)
    return value === undefined ? undefined : toBytes(value, `--${name}`)
  }
  const range = { offset: sizeOf('offset') ?? 0, length: sizeOf('length') }
  if (range.length === 0) throw usage('--length 0 leaves nothing to warm')
  const stop = new AbortController()
  // Only the first Ctrl-C: a second one ends the program at once.
  process.once('SIGINT', () => stop.abort())
  const work = async (path: string) => {
    const file = await warm(path, range, stop.signal)
    if (!json) report(file)
    return file
  }
  const files = await eachFile(words, work, stop.signal)
  const interrupted = stop.signal.aborted
  if (json) printJson({ command: 'warm', interrupted, files })
  if (interrupted) return EXIT.interrupted
  return files.every(file => !failed(file) && stayed(file)) ? EXIT.fine : EXIT.found
}

async function warm(
  path: string,
  range: { offset: number; length: number | undefined },
  signal: AbortSignal,
): Promise<Warmed> {
  const file = await MappedFile.open(path)
  try {
    const offset = Math.min(range.offset, file.byteLength)
    const length = Math.min(range.length ?? Number.POSITIVE_INFINITY, file.byteLength - offset)
    const before = await residentBytes(file, offset, length)
    warnOfShortMemory(path, length - (before ?? 0))
    const begun = performance.now()
    const done = await fault(file, { path, offset, length }, signal)
    const milliseconds = performance.now() - begun
    const after = await residentBytes(file, offset, done)
    return { path, offset, length, done, before, after, milliseconds, bytesPerSecond: (1000 * done) / milliseconds }
  } finally {
    await file.close()
  }
}

/** Faults the part in, a few chunks at a time. Returns the number of bytes when it ends or is stopped. */
async function fault(file: MappedFile, { path, offset, length }: Part, signal: AbortSignal): Promise<number> {
  const begun = performance.now()
  let next = 0
  let done = 0
  const go = async () => {
    while (next < length && !signal.aborted) {
      const at = next
      const count = Math.min(CHUNK, length - at)
      next += count
      await file.prefault(offset + at, count)
      done += count
      const rate = (1000 * done) / (performance.now() - begun)
      const left = formatTime((1000 * (length - done)) / rate)
      progress.show(`${path}: ${formatShare(done / length)} of ${formatBytes(length)}, ${formatBytes(rate)}/s, ${left}`)
    }
  }
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, go))
  } finally {
    // Where one chunk fails, the others stop too.
    next = length
    progress.clear()
  }
  return done
}

async function residentBytes(file: MappedFile, offset: number, length: number): Promise<number | null> {
  const { resident, pageSize } = await file.residency(offset, length)
  return resident === undefined ? null : Math.min(length, resident * pageSize)
}

function warnOfShortMemory(path: string, bytes: number): void {
  const free = process.availableMemory()
  if (bytes <= free) return
  warn(
    `${path}: ${formatBytes(bytes)} do not fit into the ${formatBytes(free)} of free memory: the kernel evicts other files, ` +
      'and then the beginning of this one; --offset and --length warm a part',
  )
}

/** Whether all bytes of `done` are still in memory, as far as that is known. */
const stayed = ({ done, after }: Warmed): boolean => after === null || after === done

function report(file: Warmed): void {
  const { path, length, done, before, after, milliseconds, bytesPerSecond } = file
  const read = `${formatBytes(done)} in ${formatTime(milliseconds)}, ${formatBytes(bytesPerSecond)}/s`
  const there = before === null ? '' : `, ${formatShare(before / length)} was in memory before`
  if (length === 0) print(`${path}: nothing to warm`)
  else if (done < length) print(`${path}: stopped after ${read} of ${formatBytes(length)}`)
  else print(`${path}: ${read}${there}`)
  if (after !== null && !stayed(file)) {
    print(`  only ${formatShare(after / done)} of it stayed in memory: there is too little free memory for all of it`)
  }
}
