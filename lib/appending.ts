// append(): writes records to the end of a file in the order of the calls. Records that wait for the pool are written
// together.

import { withCallersStack } from './errors.js'
import type { Handle } from './handle.js'
import { queueMicrotask } from './language.js'
import { SCRATCH_BYTES } from './limits.js'
import { allocate } from './memory.js'
import { onPool } from './pool.js'
import { copyTo, sizeOf } from './targets.js'

/** A record that waits to be written. */
interface Waiting {
  /** A private copy. */
  bytes: Uint8Array
  resolve(offset: number | Promise<never>): void
}

/** The appends of one handle. */
export class Appends {
  readonly #handle: Handle
  #waiting: Waiting[] = []
  #running = false

  constructor(handle: Handle) {
    this.#handle = handle
  }

  /** Writes a copy of the bytes to the end of the file, and resolves to their offset. */
  add(bytes: Uint8Array): Promise<number> {
    const copy = allocate(sizeOf(bytes))
    copyTo(copy, 0, bytes, 0, sizeOf(bytes))
    return new Promise(resolve => {
      this.#waiting.push({ bytes: copy, resolve })
      if (this.#running) return
      this.#running = true
      queueMicrotask(() => this.#handle.queue.during(() => this.#run()))
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#write(this.#take())
    this.#running = false
  }

  // As many records as one job can copy, but at least one.
  #take(): Waiting[] {
    let [count, bytes] = [0, 0]
    while (count < this.#waiting.length) {
      bytes += sizeOf((this.#waiting[count] as Waiting).bytes)
      if (count > 0 && bytes > SCRATCH_BYTES) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  async #write(batch: Waiting[]): Promise<void> {
    const handle = this.#handle
    try {
      const native = handle.open()
      const bytes = joined(batch)
      const start = await onPool(() => native.append(bytes))
      await handle.reach(start + sizeOf(bytes))
      settle(batch, start, start + sizeOf(bytes))
    } catch (error) {
      // Records that were written before the error resolve to their offsets.
      const { offset, length } = error as { offset?: unknown; length?: unknown }
      const isPart = typeof offset === 'number' && typeof length === 'number'
      const total = batch.reduce((sum, { bytes }) => sum + sizeOf(bytes), 0)
      const left = isPart ? settle(batch, offset + length - total, offset) : batch
      for (const { resolve } of left) resolve(withCallersStack(error))
    }
  }
}

// Resolves the records that end at or before `end`; returns the others.
function settle(batch: Waiting[], start: number, end: number): Waiting[] {
  let at = start
  return batch.filter(({ bytes, resolve }) => {
    const offset = at
    at += sizeOf(bytes)
    if (at > end) return true
    resolve(offset)
    return false
  })
}

function joined(batch: Waiting[]): Uint8Array {
  const [first] = batch as [Waiting]
  if (batch.length === 1) return first.bytes
  const all = allocate(batch.reduce((sum, { bytes }) => sum + sizeOf(bytes), 0))
  let at = 0
  for (const { bytes } of batch) {
    copyTo(all, at, bytes, 0, sizeOf(bytes))
    at += sizeOf(bytes)
  }
  return all
}
