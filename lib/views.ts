// Views: the mapped bytes of a range, at once where touching them cannot wait, else when they have been faulted in.

import { Buffer } from 'node:buffer'
import type { Handle, Range } from './handle.js'
import { mappedViews, readyViews } from './reader.js'
import { transferRange } from './transfer.js'
import { affords, answer } from './turn.js'

/** A view by itself, or a chunk of a long range that is gone through in order. */
type ViewKind = 'view' | 'chunk'

/** What a view that is ready costs of a turn, in bytes; it copies none. */
const COST_OF_A_VIEW = 4096

/** A view now, or undefined if touching it could wait for the disk: by itself, or as a chunk of what is gone through in order. */
export function readyView(handle: Handle, at: number, count: number, kind: ViewKind = 'view'): Buffer | undefined {
  const native = handle.open()
  if (count === 0) return Buffer.alloc(0)
  const isReady = kind === 'chunk' ? mappedViews : readyViews
  const id = isReady(handle.reader, at, count)
  return id === 0 ? undefined : handle.windows.view(native, id, at, count)
}

/** A view that has been faulted in. */
export function viewOf(handle: Handle, { at, count, signal }: Range): Promise<Buffer> {
  const when = affords(COST_OF_A_VIEW)
  const ready = when ? readyView(handle, at, count) : undefined
  return ready ? answer(ready, when) : coldView(handle, at, count, 'view', signal)
}

/** A view that is faulted in now, by itself or as a chunk of a long range that is gone through in order. */
export async function coldView(
  handle: Handle,
  at: number,
  count: number,
  kind: ViewKind,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const { native } = handle.queue
  for (;;) {
    const id = native.viewsId()
    await new Promise<void>((resolve, reject) => {
      transferRange(handle.queue, at, count, { kind, signal }, resolve, reject)
    })
    // What was faulted in belongs to a mapping that may have been damaged since: then there is another one by now.
    const view = id === native.viewsId() ? handle.windows.view(native, id, at, count) : undefined
    if (handle.closed) handle.windows.clear()
    if (view) return view
  }
}
