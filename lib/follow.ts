// follow(): yields the bytes that others append to a file, across rotation by rename and by copy and truncation.

import { Buffer } from 'node:buffer'
import { type BigIntStats, watch } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Cancellable, type Offset, toOffset, toSignal } from './arguments.js'
import { invalidArgType, outOfRange } from './errors.js'
import { option } from './language.js'
import type { MappedFile } from './mapped-file.js'
import { forget, onAbort } from './signals.js'

/** The start position of `follow()`, and how often it checks the file. */
export interface FollowOptions extends Cancellable {
  /** The first byte; the end of the file at the time of the call by default. */
  start?: Offset | undefined
  /** Milliseconds between two checks of the file where the file system reports no event; 1,000 by default. */
  interval?: number | undefined
}

const OPTIONS = ['start', 'interval', 'signal']
const INTERVAL = 1000

/** Bytes that are read at once. */
const PART_BYTES = 64 << 10

/**
 * Bytes before the position that identify the file content. A file that was truncated and has grown again has other
 * bytes there.
 */
const KNOWN_BYTES = 256

/** Milliseconds for which a renamed file is still checked: its writers may not have opened the new one yet. */
const LINGER = 10_000

type File = MappedFile

/** A followed file: the first one, or one that has taken its path since. */
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

/** Follows an open file; `open` opens the file that has taken its path. */
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
      // Events from here on are handled in the next round.
      watching.reset()
      let isIdle = true
      const successor = await findSuccessor(file.path, followed.at(-1) as Followed, open)
      if (successor) {
        // The old file is checked for a while from now on.
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

// All bytes of a file after the position.
async function* appended(one: Followed, path: string, open: Open): AsyncGenerator<Buffer, undefined> {
  const { file } = one
  for (;;) {
    await file.refresh()
    const before = one.known?.length ?? 0
    const from: number = one.position - before
    let bytes: Buffer
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
      one.position = 0
      one.known = undefined
      continue
    }
    if (bytes.length === before) return
    one.at = performance.now()
    one.position = from + bytes.length
    // A copy: the yielded bytes belong to the caller.
    one.known = Buffer.from(bytes.subarray(-KNOWN_BYTES))
    yield bytes.subarray(before)
  }
}

// Bytes that were in the file when it was copied, and that were not read before the truncation. The copy is in the same
// folder. Its name begins with the name of the file, and it has the same bytes before the position.
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
    // Between two steps of a rotation the path may have no file, or none that may be read yet.
    if (!['ENOENT', 'EACCES', 'ERR_NOT_A_FILE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  return undefined
}

// Closes the files before the last one, after their writers have had time to open the next one.
async function letGo(followed: Followed[]): Promise<void> {
  const now = performance.now()
  for (const one of followed.slice(0, -1)) {
    if (now - one.at < LINGER) continue
    followed.splice(followed.indexOf(one), 1)
    if (one.isOurs) await one.file.close()
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
