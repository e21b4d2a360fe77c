// readableWebStream(): a byte stream of the web over an open file.

import { ReadableStream } from 'node:stream/web'
import { checkOptions, cutAtEnd } from './arguments.js'
import type { Handle } from './handle.js'
import { option } from './language.js'
import { fillTarget } from './read-range.js'
import { toBoolean } from './stream.js'
import { sizeOf } from './targets.js'

/** As of FileHandle.readableWebStream(). */
export interface WebStreamOptions {
  /** Whether the end of the stream, its failure or its cancellation closes the file; false by default. */
  autoClose?: boolean | undefined
}

const CHUNK_BYTES = 64 << 10

/** A stream of the whole file. Each chunk has memory of its own, or is in that of whoever reads with a `BYOB` reader. */
export function webStream(handle: Handle, options: WebStreamOptions | undefined): ReadableStream {
  if (options !== undefined) checkOptions(options, ['autoClose'])
  const autoClose = toBoolean(option(options, 'autoClose', false), 'options.autoClose')
  const end = async () => {
    if (autoClose) await handle.close()
  }
  let position = 0
  return new ReadableStream({
    type: 'bytes',
    autoAllocateChunkSize: CHUNK_BYTES,
    async pull(controller) {
      const { byobRequest } = controller
      const view = byobRequest?.view
      if (!byobRequest || !view) return
      const target = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
      try {
        handle.open()
        const start = Math.min(position, handle.size)
        const count = await fillTarget(handle, target, start, cutAtEnd(handle.size, start, sizeOf(target)), undefined)
        position = start + count
        if (count > 0) {
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
