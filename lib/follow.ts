// follow(): yields the bytes that others append to a file, across rotation by rename and by copy and truncation.

import { Buffer } from 'node:buffer'
import { type BigIntStats, watch } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Cancellable, type Offset, toOffset, toSignal } from './arguments.js'
import { fileClosed, invalidArgType, outOfRange } from './errors.js'
import { option } from './language.js'
import type { MappedFile } from './mapped-file.js'
import { forget, onAbort } from './signals.js'

/** The start position of `follow()`, and how often it checks the file. */
export interface FollowOptions extends Cancellable {
  /**
   * The first byte; the end of the file at the time of the call by default. Where the file is shorter, as after a
   * rotation, it is read from its first byte.
   */
  start?: Offset | undefined
  /** Milliseconds between two checks of the file where the file system reports no event; 1,000 by default. */
  interval?: number | undefined
  /**
   * Milliseconds for which a renamed file must not have changed before the next file is read; 5,000 by default. Its
   * writers may not have opened the next file yet.
   */
  linger?: number | undefined
}

/** Bytes that others have appended to a followed file. */
export interface FollowedBytes {
  /** A copy of the bytes. */
  data: Buffer<ArrayBuffer>
  /** The offset of the first byte in its file. */
  offset: number
  /**
   * The number of the file: 0 for the first one, and one more after each rotation. A file that was truncated counts as
   * another one.
   */
  file: number
}

/** A line that others have appended to a followed file. */
export interface FollowedLine {
  /** The line as UTF-8, without its line ending. */
  line: string
  /** The offset of the first byte of the line in its file. */
  offset: number
  /** The number of the file, as in {@link FollowedBytes}. */
  file: number
}

const OPTIONS = ['start', 'interval', 'linger', 'signal']
const INTERVAL = 1000
const LINGER = 5000

/** Bytes that are read at once. */
const PART_BYTES = 64 << 10

/** Parts that are read ahead of a file whose turn has not come. */
const HELD_PARTS = 16

/**
 * Bytes before the position that identify the file content. A file that was truncated and has grown again has other
 * bytes there.
 */
const KNOWN_BYTES = 256

type File = MappedFile<ArrayBufferLike>

type Part = Omit<FollowedBytes, 'file'>

/** A followed file: the first one, or one that has taken its path since. */
interface Followed {
  file: File
  isOurs: boolean
  identity: BigIntStats
  position: number
  /** The bytes before the position. */
  known: Buffer | undefined
  /** When something was read last, or when the next file was noticed. */
  at: number
  /** Parts that are yielded after those of the files before it. */
  held: Array<Part | undefined>
  /** The source of further parts, while it is in use. */
  parts: AsyncGenerator<Part | undefined, undefined> | undefined
}

const begin = (file: File, isOurs: boolean, identity: BigIntStats, position = 0): Followed => {
  const at = performance.now()
  return { file, isOurs, identity, position, known: undefined, at, held: [], parts: undefined }
}

type Open = (path: string) => Promise<File>

/** Yields the bytes that are appended to an open file; `open` opens the file that has taken its path. */
export function follow(file: File, open: Open, options?: FollowOptions): AsyncIterableIterator<FollowedBytes> {
  return stoppable(stopped => run(file, open, options, stopped))
}

/** Yields the lines that are appended to an open file. */
export function followLines(file: File, open: Open, options?: FollowOptions): AsyncIterableIterator<FollowedLine> {
  return stoppable(stopped => linesOf(run(file, open, options, stopped)))
}

function stoppable<T>(start: (stopped: AbortSignal) => AsyncGenerator<T, undefined>): AsyncIterableIterator<T> {
  const stop = new AbortController()
  const items = start(stop.signal)
  return {
    next: () => items.next(),
    // A step that waits for the file ends at once.
    async return() {
      stop.abort()
      return items.return(undefined)
    },
    async throw(error) {
      stop.abort()
      return items.throw(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

async function* run(
  file: File,
  open: Open,
  options: FollowOptions | undefined,
  stopped: AbortSignal,
): AsyncGenerator<FollowedBytes, undefined> {
  const signal = toSignal(options, OPTIONS)
  const interval = toMilliseconds(option(options, 'interval', INTERVAL), 'options.interval', 1)
  const linger = toMilliseconds(option(options, 'linger', LINGER), 'options.linger', 0)
  const start = toOffset(option(options, 'start', await file.refresh()), 'options.start')
  const identity = await file.stat({ bigint: true })
  // The file that is read, and those that have taken its path since, in order.
  const files: Followed[] = [begin(file, false, identity, start)]
  let number = 0
  const watching = new Watching(file.path, interval, [signal, stopped])
  try {
    while (!stopped.aborted) {
      signal?.throwIfAborted()
      if (file.closed) throw fileClosed(file.path)
      // Events from here on are handled in the next round.
      watching.reset()
      const current = files[0] as Followed
      const successor = await findSuccessor(file.path, files.at(-1) as Followed, open)
      if (successor) {
        if (files.length === 1) current.at = performance.now()
        files.push(successor)
      }
      let isIdle = true
      for await (const part of partsOf(current, file.path, open)) {
        // The content that was truncated has ended.
        if (part === undefined) {
          number += 1
          continue
        }
        isIdle = false
        yield { ...part, file: number }
      }
      for (const later of files.slice(1)) await hold(later, file.path, open)
      const left = timeLeft(files, linger)
      if (left <= 0) {
        number += 1
        files.shift()
        if (current.isOurs) await current.file.close()
      } else if (isIdle && !successor) {
        await watching.wait(left)
      }
    }
  } finally {
    watching.close()
    await Promise.all(
      files.map(async ({ file: each, isOurs, parts }) => {
        await parts?.return(undefined)
        if (isOurs) await each.close()
      }),
    )
  }
}

// Milliseconds for which the first file is still read before the next one. As long as the next one is empty, no byte
// has to wait, and the first one may still be written to.
function timeLeft([current, next, ...others]: Followed[], linger: number): number {
  if (!current || !next || (next.held.length === 0 && others.length === 0)) return Number.POSITIVE_INFINITY
  return current.at + linger - performance.now()
}

async function* partsOf(one: Followed, path: string, open: Open): AsyncGenerator<Part | undefined, undefined> {
  while (one.held.length > 0) yield one.held.shift()
  one.parts ??= appended(one, path, open)
  yield* one.parts
  one.parts = undefined
}

// Reads the first bytes of a file whose turn has not come: without any, its content could not be found again after a
// copy and truncation.
async function hold(one: Followed, path: string, open: Open): Promise<void> {
  while (one.held.length < HELD_PARTS) {
    one.parts ??= appended(one, path, open)
    const { value, done } = await one.parts.next()
    if (done) {
      one.parts = undefined
      return
    }
    one.held.push(value)
  }
}

// The bytes are split before they are decoded: a character may be in two parts.
async function* linesOf(parts: AsyncGenerator<FollowedBytes, undefined>): AsyncGenerator<FollowedLine, undefined> {
  let begun: Buffer[] = []
  let [file, offset] = [0, 0]
  const line = (): FollowedLine => {
    const bytes = begun.length === 1 ? (begun[0] as Buffer) : Buffer.concat(begun)
    const hasReturn = bytes.at(-1) === RETURN
    begun = []
    return { line: bytes.toString('utf8', 0, bytes.length - (hasReturn ? 1 : 0)), offset, file }
  }
  for await (const part of parts) {
    // The last line of a file is complete when the next file begins.
    if (part.file !== file && begun.length > 0) yield line()
    file = part.file
    const { data } = part
    let at = 0
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, at)) {
      if (begun.length === 0) offset = part.offset + at
      begun.push(data.subarray(at, end))
      yield line()
      at = end + 1
    }
    if (at === data.length) continue
    if (begun.length === 0) offset = part.offset + at
    begun.push(data.subarray(at))
  }
}

const [NEWLINE, RETURN] = [0x0a, 0x0d]

function toMilliseconds(value: unknown, name: string, least: number): number {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (!(value >= least && value < 2 ** 31)) throw outOfRange(name, `>= ${least} && < 2 ** 31`, value)
  return value
}

// All bytes of a file after the position, and undefined where the file was truncated.
async function* appended(one: Followed, path: string, open: Open): AsyncGenerator<Part | undefined, undefined> {
  const { file } = one
  for (;;) {
    await file.refresh()
    const before = one.known?.length ?? 0
    const from: number = one.position - before
    let bytes: Buffer<ArrayBuffer>
    try {
      // One read for both: the bytes that identify the content, and the new bytes.
      bytes = await file.read(from, before + PART_BYTES)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_FILE_TRUNCATED') continue
      throw error
    }
    const isCut = one.known ? !bytes.subarray(0, before).equals(one.known) : one.position > file.byteLength
    if (isCut) {
      yield* leftInCopy(one, path, open)
      yield undefined
      one.position = 0
      one.known = undefined
      continue
    }
    if (bytes.length === before) return
    const offset = one.position
    one.at = performance.now()
    one.position = from + bytes.length
    // A copy: the yielded bytes belong to the caller.
    one.known = Buffer.from(bytes.subarray(-KNOWN_BYTES))
    yield { data: bytes.subarray(before), offset }
  }
}

// Bytes that were in the file when it was copied, and that were not read before the truncation. The copy is in the same
// folder. Its name begins with the name of the file, and it has the same bytes before the position.
async function* leftInCopy(one: Followed, path: string, open: Open): AsyncGenerator<Part, undefined> {
  const { known } = one
  if (!known) return
  const [folder, name] = [dirname(path), basename(path)]
  const names = await readdir(folder).catch(() => [])
  for (const other of names.filter(each => each !== name && each.startsWith(name))) {
    const copy: File | undefined = await open(join(folder, other)).catch(() => undefined)
    if (!copy) continue
    try {
      const { ino } = await copy.stat({ bigint: true })
      const from: number = one.position - known.length
      const isCopy = ino !== one.identity.ino && (await copy.read(from, known.length)).equals(known)
      if (!isCopy) continue
      for (let at = one.position; at < copy.byteLength; at += PART_BYTES) {
        yield { data: await copy.read(at, PART_BYTES), offset: at }
      }
      return
    } finally {
      await copy.close()
    }
  }
}

async function findSuccessor(path: string, last: Followed, open: Open): Promise<Followed | undefined> {
  const isOther = ({ dev, ino }: BigIntStats) => ino !== last.identity.ino || dev !== last.identity.dev
  try {
    if (!isOther(await stat(path, { bigint: true }))) return undefined
    const file = await open(path)
    const identity = await file.stat({ bigint: true })
    if (isOther(identity)) {
      return begin(file, true, identity)
    }
    await file.close()
  } catch (error) {
    // Between two steps of a rotation the path may have no file, or none that may be read yet.
    if (!['ENOENT', 'EACCES', 'ERR_NOT_A_FILE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  return undefined
}

/** Opens a file, after waiting until it exists. */
export async function openWhenItExists<T>(path: string, open: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const watching = new Watching(path, INTERVAL, [signal])
  try {
    for (;;) {
      signal?.throwIfAborted()
      watching.reset()
      try {
        return await open()
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
      await watching.wait()
    }
  } finally {
    watching.close()
  }
}

/** Waits for events at a path, and for the interval where none come. */
class Watching {
  readonly #interval: number
  readonly #signals: AbortSignal[]
  readonly #watcher: { close(): void } | undefined
  readonly #wake = () => this.#onEvent()
  #happened = false
  #resolve: (() => void) | undefined

  constructor(path: string, interval: number, signals: Array<AbortSignal | undefined>) {
    this.#interval = interval
    this.#signals = signals.filter(signal => signal !== undefined)
    for (const signal of this.#signals) onAbort(signal, this.#wake)
    this.#watcher = watcherOf(path, this.#wake)
  }

  reset(): void {
    this.#happened = false
  }

  async wait(most = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#happened || this.#signals.some(({ aborted }) => aborted)) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, Math.min(this.#interval, most))
      this.#resolve = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#resolve = undefined
  }

  close(): void {
    this.#watcher?.close()
    for (const signal of this.#signals) forget(signal, this.#wake)
  }

  #onEvent(): void {
    this.#happened = true
    this.#resolve?.()
  }
}

// Watches the folder, because the file itself may be renamed. Where nothing can be watched, only the interval counts.
function watcherOf(path: string, wake: () => void): { close(): void } | undefined {
  const name = basename(path)
  try {
    const watcher = watch(dirname(path), (_event, changed) => {
      if (changed === null || changed === name) wake()
    })
    return watcher.on('error', () => watcher.close())
  } catch {
    return undefined
  }
}
