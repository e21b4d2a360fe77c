// Views: the mapped bytes of a range, at once where touching them does not wait, otherwise after they were faulted in.
// Where no mapped bytes can be handed out, views are copies that behave the same.

import type { Buffer } from 'node:buffer'
import { capabilities } from '#binding'
import { unsupported } from './errors.js'
import type { Handle, Range } from './handle.js'
import { COST_OF_A_VIEW, FAULT_AROUND_BYTES, INLINE_BYTES } from './limits.js'
import { ownMemory, threadsMemory } from './memory.js'
import { fill, fillTarget } from './read-range.js'
import { checkView, mappedViews, readyViews, tryCopy } from './reader.js'
import { transferRange } from './transfer.js'
import { affords, answer, answerFree } from './turn-budget.js'

/** A single view, or a chunk of a long range that is read in order. */
export type ViewKind = 'view' | 'chunk'

/** Whether mapped bytes can be handed out in this runtime: Electron forbids it. */
const { externalBuffers } = capabilities()

/** A view at once, or undefined where touching it could wait for the disk. */
export function readyView(
  handle: Handle,
  offset: number,
  count: number,
  kind: ViewKind = 'view',
  shared = handle.shared,
): Buffer | undefined {
  const native = handle.open()
  if (count === 0) return memoryOf(shared, 0)
  if (!handsOut(handle)) return copyNow(handle, offset, count, shared)
  const isReady = kind === 'chunk' ? mappedViews : readyViews
  const id = isReady(handle.reader, offset, count)
  return id === 0 ? undefined : handle.windows(shared).view(native, id, offset, count)
}

/** A view that has been faulted in. */
export function viewOf(handle: Handle, { offset, count, signal }: Range): Promise<Buffer> {
  if (count === 0) return answerFree(memoryOf(handle.shared, 0))
  const when = affords(COST_OF_A_VIEW)
  // Pages that are only in the page cache would cost a page fault for each 64 KiB; the pool maps them in one job.
  const kind = count > FAULT_AROUND_BYTES ? 'chunk' : 'view'
  const ready = when && handsOut(handle) ? readyView(handle, offset, count, kind) : undefined
  return ready ? answer(ready, when) : coldView(handle, offset, count, 'view', signal, handle.shared)
}

/** A view that the pool faults in, as a single view or as a chunk. */
export async function coldView(
  handle: Handle,
  offset: number,
  count: number,
  kind: ViewKind,
  signal: AbortSignal | undefined,
  shared: boolean,
): Promise<Buffer> {
  if (!handsOut(handle)) return ownCopy(handle, offset, count, signal, shared)
  const { native } = handle.queue
  for (;;) {
    const id = native.viewsId()
    try {
      await new Promise<void>((resolve, reject) => {
        transferRange(handle.queue, offset, count, { kind, signal }, resolve, reject)
      })
    } catch (error) {
      // A hole of a sparse file would take memory if it were mapped.
      if ((error as { code?: unknown }).code !== 'ERR_HOLE') throw error
      return ownCopy(handle, offset, count, signal, shared)
    }
    // The mapping with the faulted pages may have been damaged and replaced meanwhile. If there was none, the job
    // created it.
    const now = native.viewsId()
    const view =
      now !== 0 && (id === now || id === 0) ? handle.windows(shared).view(native, now, offset, count) : undefined
    if (handle.closed) handle.clearWindows()
    if (view) return view
  }
}

/**
 * Whether a view of a range shows its bytes: false where zeros have replaced some, because the file was truncated while
 * it was mapped. Throws where the file is shorter than the range now.
 */
export function isIntact(handle: Handle, view: Uint8Array, offset: number, length: number): boolean {
  // After close(), nothing is known about the size.
  if (handle.closed) return true
  handle.open()
  return checkView(handle.reader, view, offset, length)
}

/** Throws where the file is shorter than the range now. */
export function mustHold(handle: Handle, offset: number, length: number): void {
  isIntact(handle, NO_VIEW, offset, length)
}

const NO_VIEW = new Uint8Array()

// Refuses a copy where stores must reach the file.
function handsOut(handle: Handle): boolean {
  if (externalBuffers && handle.backend === 'mapped') return true
  if (!handle.writable) return false
  const where = externalBuffers ? 'this file cannot be mapped' : 'this runtime does not allow external buffers'
  throw unsupported(`'${handle.path}': ${where}, so stores to a view would not reach the file; use write()`)
}

// A copy in memory of its own, like a view: a transfer of another result must not affect it.
function ownCopy(
  handle: Handle,
  offset: number,
  count: number,
  signal: AbortSignal | undefined,
  shared: boolean,
): Promise<Buffer> {
  const copy = memoryOf(shared, count)
  if (!shared) return fill(handle, copy, offset, signal, copy)
  return fillTarget(handle, copy, offset, count, signal).then(() => copy)
}

const memoryOf = (shared: boolean, count: number) => (shared ? threadsMemory(count) : ownMemory(count))

function copyNow(handle: Handle, offset: number, count: number, shared: boolean): Buffer | undefined {
  if (count > INLINE_BYTES) return undefined
  const copy = memoryOf(shared, count)
  return tryCopy(handle.reader, copy, 0, offset, count) !== 0 ? copy : undefined
}
