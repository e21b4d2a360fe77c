// chunks(): a file's views in order, the next ones being faulted in while one is used.

import type { Buffer } from 'node:buffer'
import { type Cancellable, type Offset, toLength, toOffset, toSignal } from './arguments.js'
import { outOfRange } from './errors.js'
import type { MappedFile } from './mapped-file.js'
import { forget, onAbort } from './signals.js'

/** Which part of a file, and in which steps. */
export interface ChunkOptions extends Cancellable {
  /** The first byte; 0 by default. */
  start?: Offset
  /** The byte after the last; the end of the file by default. */
  end?: Offset
  /** Bytes of each view but the last; 1 MiB by default. */
  chunkSize?: number
  /** Bytes that are faulted in ahead of the view in use; 8 MiB by default. */
  readAhead?: number
}

const CHUNK_BYTES = 1 << 20
const READ_AHEAD_BYTES = 8 << 20

/** Yields views of the file; rejects as MappedFile.view() does. Leaving the loop early gives up what was ahead. */
export async function* chunks(file: MappedFile, options: ChunkOptions = {}): AsyncGenerator<Buffer, undefined> {
  const theirs = toSignal(options)
  const chunkSize = toLength(options.chunkSize ?? CHUNK_BYTES, 'options.chunkSize')
  if (chunkSize === 0) throw outOfRange('options.chunkSize', 'at least 1', chunkSize)
  const depth = Math.ceil(toLength(options.readAhead ?? READ_AHEAD_BYTES, 'options.readAhead') / chunkSize)
  const end = Math.min(
    file.byteLength,
    options.end === undefined ? file.byteLength : toOffset(options.end, 'options.end'),
  )
  let next = toOffset(options.start ?? 0, 'options.start')

  const left = new AbortController()
  const { signal } = left
  const abort = () => left.abort(theirs?.reason)
  if (theirs) onAbort(theirs, abort)
  const ahead: Promise<Buffer>[] = []
  const reach = () => {
    while (next < end && ahead.length <= depth) {
      const length = Math.min(chunkSize, end - next)
      const view = file.view(next, length, { signal })
      // A failure is thrown when its turn comes; until then it must not count as unhandled.
      view.catch(() => {})
      ahead.push(view)
      next += length
    }
  }

  try {
    for (reach(); ahead.length > 0; reach()) yield await (ahead.shift() as Promise<Buffer>)
  } finally {
    if (theirs) forget(theirs, abort)
    left.abort()
  }
}
