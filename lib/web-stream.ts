// readableWebStream(): a web byte stream over an open file.

import { ReadableStream } from 'node:stream/web'
import { checkOptions, cutAtEnd } from './arguments.js'
import type { Handle } from './handle.js'
import { option, setImmediate } from './language.js'
import { fillTarget } from './read-range.js'
import { toBoolean } from './stream.js'
import { sizeOf } from './targets.js'
import { mustHold } from './views.js'

/** Options of `readableWebStream()`, as of a FileHandle. */
export interface WebStreamOptions {
  /** Whether the file is closed when the stream ends, fails or is cancelled; false by default. */
  autoClose?: boolean | undefined
}

const CHUNK_BYTES = 64 << 10

/** A stream of the whole file. Each chunk has memory of its own, or is in the buffer of a `BYOB` reader. */
export function webStream(handle: Handle, options: WebStreamOptions | undefined): ReadableStream {
  if (options !== undefined) checkOptions(options, ['autoClose'])
  const autoClose = toBoolean(option(options, 'autoClose', false), 'options.autoClose')
  const end = async () => {
    if (autoClose) await handle.close()
  }
  let position = 0
  // The next chunk waits for it: what a consumer does with a chunk may take far longer than to copy it.
  let turn: Promise<void> | undefined
  // The largest size of the file that was noticed: where it is smaller now, bytes are missing.
  let size = 0
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: CHUNK_BYTES,
    async pull(controller) {
      const { byobRequest } = controller
      const view = byobRequest?.view
      if (!byobRequest || !view) return
      const target = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
      try {
        await turn
        handle.open()
        size = Math.max(size, handle.size)
        const count = cutAtEnd(size, position, sizeOf(target))
        // This process knows that the file is shorter now.
        if (position + count > handle.size) mustHold(handle, position, count)
        await fillTarget(handle, target, position, count, undefined)
        position += count
        if (count > 0) {
          turn = new Promise(resolve => setImmediate(resolve))
          byobRequest.respond(count)
          return
        }
        await end()
        controller.close()
        byobRequest.respond(0)
      } catch (error) {
        await end()
        throw error
      }
    },
    cancel: end,
  })
}
