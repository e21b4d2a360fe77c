// follow(): the bytes that others append to a file, across rotation by rename and by copying and cutting.

import { Buffer } from 'node:buffer'
import { type BigIntStats, watch } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Cancellable, type Offset, toOffset, toSignal } from './arguments.js'
import { invalidArgType, outOfRange } from './errors.js'
import { option } from './language.js'
import type { MappedFile } from './mapped-file.js'
import { forget, onAbort } from './signals.js'

/** From where, and how often, a file is followed. */
export interface FollowOptions extends Cancellable {
  /** The first byte; the end of the file at the time of the call by default. */
  start?: Offset | undefined
  /** Milliseconds between two looks at the file where no event of the file system comes; 1,000 by default. */
  interval?: number | undefined
}

const OPTIONS = ['start', 'interval', 'signal']
const INTERVAL = 1000

/** Bytes that are read at once. */
const PART_BYTES = 64 << 10

/** Bytes before the position by which a file is known again. What was cut and has grown since has others there. */
const KNOWN_BYTES = 256

/** Milliseconds for which a file that was renamed is still looked at: its writers may not have opened the new one yet. */
const LINGER = 10_000

type File = MappedFile<ArrayBufferLike>

/** A file that is followed: the one that was there at first, or one that has taken its path since. */
interface Followed {
  file: File
  isOurs: boolean
  identity: BigIntStats
  position: number
  /** The bytes before the position. */
  known: Buffer | undefined
  /** When something was read last. */
  at: number
}

type Open = (path: string) => Promise<File>

/** Follows an open file; `open` opens what has taken its path. */
export function follow(file: File, open: Open, options?: FollowOptions): AsyncIterableIterator<Buffer> {
  const stop = new AbortController()
  const parts = run(file, open, options, stop.signal)
  return {
    next: () => parts.next(),
    // A step that waits for the file ends at once.
    async return() {
      stop.abort()
      return parts.return(undefined)
    },
    async throw(error) {
      stop.abort()
      return parts.throw(error)
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
): AsyncGenerator<Buffer, undefined> {
  const signal = toSignal(options, OPTIONS)
  const interval: unknown = option(options, 'interval', INTERVAL)
  if (typeof interval !== 'number') throw invalidArgType('options.interval', 'of type number', interval)
  if (!(interval > 0 && interval < 2 ** 31)) throw outOfRange('options.interval', '> 0 && < 2 ** 31', interval)
  const start = toOffset(option(options, 'start', await file.refresh()), 'options.start')
  const identity = await file.stat({ bigint: true })
  const followed: Followed[] = [
    { file, isOurs: false, identity, position: start, known: undefined, at: performance.now() },
  ]
  const watching = new Watching(file.path, interval, [signal, stopped])
  try {
    while (!stopped.aborted) {
      signal?.throwIfAborted()
      // What happens from here on is looked at in the next round.
      watching.reset()
      let isIdle = true
      const successor = await findSuccessor(file.path, followed.at(-1) as Followed, open)
      if (successor) {
        // From now on it is looked at for a while.
        for (const one of followed) one.at = performance.now()
        followed.push(successor)
      }
      for (const one of followed) {
        for await (const part of appended(one, file.path, open)) {
          isIdle = false
          yield part
        }
      }
      await letGo(followed)
      if (isIdle && !successor) await watching.wait()
    }
  } finally {
    watching.close()
    await Promise.all(followed.map(({ file: each, isOurs }) => (isOurs ? each.close() : undefined)))
  }
}

// All that a file has beyond what was read of it.
async function* appended(one: Followed, path: string, open: Open): AsyncGenerator<Buffer, undefined> {
  const { file } = one
  for (;;) {
    await file.refresh()
    const before = one.known?.length ?? 0
    const from: number = one.position - before
    let bytes: Buffer
    try {
      // Both in one read: what is known again, and what follows it.
      bytes = await file.read(from, before + PART_BYTES)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_FILE_TRUNCATED') continue
      throw error
    }
    const isCut = one.known ? !bytes.subarray(0, before).equals(one.known) : one.position > file.byteLength
    if (isCut) {
      yield* leftInCopy(one, path, open)
      one.position = 0
      one.known = undefined
      continue
    }
    if (bytes.length === before) return
    one.at = performance.now()
    one.position = from + bytes.length
    // A copy: what is yielded belongs to the caller.
    one.known = Buffer.from(bytes.subarray(-KNOWN_BYTES))
    yield bytes.subarray(before)
  }
}

// What a file had when it was copied, and was not read before it was cut: the copy lies beside it, with the same bytes before the
// position, under a name that begins with that of the file.
async function* leftInCopy(one: Followed, path: string, open: Open): AsyncGenerator<Buffer, undefined> {
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
      for (let at = one.position; at < copy.byteLength; at += PART_BYTES) yield await copy.read(at, PART_BYTES)
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
      return { file, isOurs: true, identity, position: 0, known: undefined, at: performance.now() }
    }
    await file.close()
  } catch (error) {
    // Between two steps of a rotation there is nothing at the path, or nothing yet that may be read.
    if (!['ENOENT', 'EACCES', 'ERR_NOT_A_FILE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  return undefined
}

// The files before the last one, when their writers have had time to go on to it.
async function letGo(followed: Followed[]): Promise<void> {
  const now = performance.now()
  for (const one of followed.slice(0, -1)) {
    if (now - one.at < LINGER) continue
    followed.splice(followed.indexOf(one), 1)
    if (one.isOurs) await one.file.close()
  }
}

/** Waits for events at a path, and for a time where none come. */
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

  async wait(): Promise<void> {
    if (this.#happened || this.#signals.some(({ aborted }) => aborted)) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, this.#interval)
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

// Of the folder: the file itself may be renamed. Where nothing can be watched, the time alone counts.
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
