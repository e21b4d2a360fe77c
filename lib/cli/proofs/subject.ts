// The measured file, which is given or temporary, and how it is evicted from the page cache.

import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MappedFile } from '../../mapped-file.js'
import { describeDisk } from '../disk.js'
import { EXIT, Exit } from '../exit.js'
import { formatShare } from '../sizes.js'
import { PAGE } from './tasks.js'

const MiB = 1 << 20
const LENGTH = 128 * MiB
/** The least size: fewer pages show nothing. */
const LEAST = 4 * MiB

/** The reason why a promise cannot be shown here. */
export class NotShown extends Error {}

export class Subject {
  private constructor(
    readonly path: string,
    readonly size: number,
    readonly temporary: string | undefined,
  ) {}

  /** The bytes that are read in order. */
  get length(): number {
    return Math.min(this.size, LENGTH)
  }

  /** The file at `path`. */
  static given(path: string): Subject {
    let stat: fs.Stats
    try {
      stat = fs.statSync(path)
      fs.accessSync(path, fs.constants.R_OK)
    } catch (error) {
      throw new Exit(EXIT.found, (error as Error).message)
    }
    if (!stat.isFile()) throw new Exit(EXIT.usage, `${path} is not a regular file`)
    if (stat.size < LEAST) throw new Exit(EXIT.usage, `${path} is too short: at least 4 MiB are needed`)
    return new Subject(path, stat.size, undefined)
  }

  /** A temporary file, in the first folder that is on a disk. */
  static async made(): Promise<Subject> {
    const folders = [tmpdir(), process.cwd()].filter(folder => describeDisk(folder).fileSystem !== 'tmpfs')
    const folder = fs.mkdtempSync(join(folders[0] ?? tmpdir(), 'faultless-prove-'))
    try {
      const path = join(folder, 'file')
      const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16))
      const file = fs.openSync(path, 'wx')
      // All pages differ, and a disk cannot compress them.
      for (let at = 0; at < LENGTH; at += MiB) fs.writeSync(file, cipher.update(Buffer.alloc(MiB)))
      fs.closeSync(file)
      return new Subject(path, LENGTH, folder)
    } catch (error) {
      fs.rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** Evicts the file from the page cache, and checks that it is gone. No other file is affected. */
  async cool(): Promise<void> {
    const descriptor = fs.openSync(this.path, 'r')
    try {
      // Dirty pages cannot be evicted.
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
    const file = await MappedFile.open(this.path)
    try {
      await file.advise('dontneed')
      const { resident, pages } = await file.residency()
      if (resident === undefined) {
        throw new NotShown('only the owner of the file, or root, can see whether it is cold')
      }
      if (resident > pages / 100) {
        const share = formatShare(resident / pages)
        throw new NotShown(`${share} of the file stays in memory: it is on tmpfs, or another program maps it`)
      }
    } finally {
      await file.close()
    }
  }

  /** The sum of one byte of each page, by reads of node:fs. */
  sum(): number {
    let sum = 0
    const descriptor = fs.openSync(this.path, 'r')
    const bytes = Buffer.alloc(MiB)
    for (let start = 0; start < this.length; start += MiB) {
      const count = fs.readSync(descriptor, bytes, 0, Math.min(MiB, this.length - start), start)
      for (let at = 0; at < count; at += PAGE) sum += bytes[at] as number
    }
    fs.closeSync(descriptor)
    return sum
  }

  /** Random pages, and the digest of their bytes, by reads of node:fs. */
  pages(count: number, length = this.size): { offsets: number[]; digest: string } {
    const offsets = Array.from({ length: count }, () => Math.floor((Math.random() * length) / PAGE) * PAGE)
    const digest = createHash('sha256')
    const descriptor = fs.openSync(this.path, 'r')
    const page = Buffer.alloc(PAGE)
    for (const offset of offsets) digest.update(page.subarray(0, fs.readSync(descriptor, page, 0, PAGE, offset)))
    fs.closeSync(descriptor)
    return { offsets, digest: digest.digest('hex') }
  }

  /** Removes the temporary file. */
  remove(): void {
    if (this.temporary) fs.rmSync(this.temporary, { recursive: true, force: true })
  }
}
