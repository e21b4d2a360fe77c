// chunks(): yields views of a file in order, and faults in the next ones while the current one is used.

import type { Buffer } from 'node:buffer'
import { type Cancellable, type Offset, toLength, toOffset, toSignal } from './arguments.js'
import { addStack, cutInUse, outOfRange } from './errors.js'
import type { Handle } from './handle.js'
import { option, setImmediate } from './language.js'
import { COST_OF_A_CALL } from './limits.js'
import { toShared } from './shared.js'
import { forget, onAbort } from './signals.js'
import { coldView, isIntact, mustHold, readyView, type ViewKind } from './views.js'

/** The part of the file that `chunks()` yields, and the size of the steps. */
export interface ChunkOptions extends Cancellable {
  /** The first byte; 0 by default. */
  start?: Offset | undefined
  /** The byte after the last; the end of the file by default. */
  end?: Offset | undefined
  /** Bytes of each view; the last one may be shorter. 1 MiB by default. */
  chunkSize?: number | undefined
  /**
   * Bytes that are faulted in ahead of the current view, in at most 1,024 views; 8 MiB by default. Where the whole file
   * or at least 64 MiB are read, the disk is asked for up to 16 MiB more: as many bytes as were read before.
   */
  readAhead?: number | undefined
  /**
   * `true`: chunks are over a SharedArrayBuffer, as the views of a file opened with `shared: true` are. The garbage
   * collector does not count such memory; for other chunks of a long file it collects the whole heap after each
   * 256 MiB. By default, as the file was opened.
   */
  shared?: boolean | undefined
}

export const CHUNK_OPTIONS = ['start', 'end', 'chunkSize', 'readAhead', 'shared', 'signal']

const CHUNK_BYTES = 1 << 20
const READ_AHEAD_BYTES = 8 << 20

/** The largest number of views to fault in ahead, however short they are: each takes memory of V8. */
const VIEWS_AHEAD = 1024

/** Bytes to yield before timers and I/O get a turn. Adding them up takes a consumer some tenths of a millisecond. */
const BYTES_PER_TURN = 1 << 20

/**
 * The shortest part of a file, in bytes, that may be read with the read-ahead of the kernel, which reads some mebibytes
 * more at both ends. A whole file has nothing beyond its ends.
 */
const LONG_PART_BYTES = 64 << 20

/** Yields views of the file; rejects as MappedFile.view() does. Leaving the loop early cancels the work ahead. */
export async function* chunks(handle: Handle, options?: ChunkOptions): AsyncGenerator<Buffer, undefined> {
  const theirs = toSignal(options, CHUNK_OPTIONS)
  // An option that is undefined has its default; one that is null is a mistake.
  const chunkSize = toLength(option(options, 'chunkSize', CHUNK_BYTES), 'options.chunkSize')
  if (chunkSize === 0) throw outOfRange('options.chunkSize', 'at least 1', chunkSize)
  const readAhead = toLength(option(options, 'readAhead', READ_AHEAD_BYTES), 'options.readAhead')
  const depth = Math.min(VIEWS_AHEAD, Math.ceil(readAhead / chunkSize))
  const shared = toShared(option(options, 'shared', handle.shared))
  const { size } = handle
  const last = toOffset(option(options, 'end', Number.MAX_SAFE_INTEGER), 'options.end')
  let next = toOffset(option(options, 'start', 0), 'options.start')
  if (next > last) throw outOfRange('options.start', `<= "options.end" (here: ${last})`, next)
  const end = Math.min(size, last)
  const isWhole = next === 0 && end === size
  handle.windows(shared).expect(end - next)
  const kind: ViewKind = isWhole || end - next >= LONG_PART_BYTES ? 'chunk' : 'view'

  // Created only where a view has to wait: it costs more than a view that is ready.
  let left: AbortController | undefined
  const abort = () => left?.abort(theirs?.reason)
  if (theirs) onAbort(theirs, abort)
  const chunkOf = (offset: number, length: number): Buffer | Promise<Buffer> => {
    let chunk: Promise<Buffer>
    try {
      const { offset: at, count } = handle.range(offset, length)
      // This process knows that the file is shorter now.
      if (count < length) mustHold(handle, offset, length)
      const ready = readyView(handle, at, count, left ? kind : 'view', shared)
      if (ready) return ready
      left ??= new AbortController()
      chunk = coldView(handle, at, count, kind, left.signal, shared)
    } catch (error) {
      chunk = Promise.reject(error)
    }
    // A failure is thrown when its turn comes; until then it must not count as unhandled.
    chunk.catch(() => {})
    return chunk
  }
  const ahead: Array<{ offset: number; length: number; chunk: Buffer | Promise<Buffer> }> = []
  const reach = () => {
    theirs?.throwIfAborted()
    while (next < end && ahead.length <= depth) {
      const length = Math.min(chunkSize, end - next)
      ahead.push({ offset: next, length, chunk: chunkOf(next, length) })
      next += length
    }
  }

  let handed = 0
  try {
    for (reach(); ahead.length > 0; reach()) {
      // A consumer reads the whole chunk, and views that are ready take no turn of the event loop. So give it a turn
      // here.
      if (handed >= BYTES_PER_TURN) {
        await new Promise(resolve => setImmediate(resolve))
        handed = 0
      }
      const { offset, length, chunk: begun } = ahead.shift() as (typeof ahead)[0]
      let chunk = await chunkWithStack(begun, theirs)
      // A byte stream that got an earlier chunk has transferred the memory of this one as well. Or zeros have replaced
      // bytes of it, and the file has grown again since.
      if (chunk.length === 0 || !isIntact(handle, chunk, offset, length)) chunk = await chunkOf(offset, length)
      handed += chunk.length + COST_OF_A_CALL
      yield chunk
      // The file may have been truncated while the consumer used the chunk, also where it is the last one.
      if (!isIntact(handle, chunk, offset, length)) throw cutInUse(handle.path, offset, length)
    }
  } finally {
    if (theirs) forget(theirs, abort)
    left?.abort()
  }
}

async function chunkWithStack(chunk: Buffer | Promise<Buffer>, signal: AbortSignal | undefined): Promise<Buffer> {
  try {
    return await chunk
  } catch (error) {
    // It may have failed before the caller waited for it. The reason of the signal belongs to the caller and stays as
    // it is.
    if (error !== signal?.reason) addStack(error)
    throw error
  }
}
