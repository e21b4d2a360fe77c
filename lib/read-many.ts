// readMany() and readManyInto(): read many ranges together. Short ones are gathered, long ones are read one by one.

import type { Buffer } from 'node:buffer'
import { toLength, toSignal } from './arguments.js'
import { outOfRange } from './errors.js'
import { gather, type Records, type Run, toRuns } from './gather.js'
import type { Handle } from './handle.js'
import { SCRATCH_BYTES } from './limits.js'
import { toBuffers, toRanges, toRecords } from './many-arguments.js'
import { copier, copyOf } from './read-range.js'
import { sizeOf, toBytes } from './targets.js'
import { type Plan, transferRange } from './transfer.js'

/** Reads ranges, with an outcome for each. */
export async function readAll(
  handle: Handle,
  ranges: unknown,
  options: unknown,
): Promise<PromiseSettledResult<Buffer<ArrayBuffer>>[]> {
  handle.open()
  const signal = toSignal(options)
  const { count, records, places, long, refused } = toRanges(ranges, handle.byteLength, handle.path)
  const results = new Array<PromiseSettledResult<Buffer<ArrayBuffer>>>(count)
  for (const [place, reason] of refused) results[place] = { status: 'rejected', reason }
  const reads = long.map(async ({ place, offset, length }) => {
    try {
      results[place] = { status: 'fulfilled', value: await copyOf(handle, offset, length, signal) }
    } catch (reason) {
      results[place] = { status: 'rejected', reason }
    }
  })
  const runs = toRuns(records)
  const arrived = (run: Run, failures?: Map<number, unknown>) => {
    const buffers = toBuffers(run, records.lengths)
    for (let i = 0; i < run.count; i += 1) {
      const number = run.first + i
      const place = places[number] as number
      results[place] = failures?.has(number)
        ? { status: 'rejected', reason: failures.get(number) }
        : { status: 'fulfilled', value: buffers[i] as Buffer<ArrayBuffer> }
    }
  }
  const { queue, reader } = handle
  await Promise.all([gather({ queue, reader, signal, ...records, runs, ours: true, arrived }), ...reads])
  signal?.throwIfAborted()
  return results
}

/** Reads records of one length into one target, back to back; resolves to the number of bytes written. */
export async function readRecords(
  handle: Handle,
  target: unknown,
  offsets: unknown,
  length: unknown,
  options: unknown,
): Promise<number> {
  handle.open()
  const bytes = toBytes(target)
  const size = toLength(length)
  const records = toRecords(offsets, size, handle.byteLength)
  const signal = toSignal(options)
  const [total, available] = [records.count * size, sizeOf(bytes)]
  if (total > available) {
    const expected = `at least ${total}: ${records.count} records of ${size}`
    throw outOfRange('target.byteLength', expected, available)
  }
  const read = size > SCRATCH_BYTES ? transferEach : gatherAll
  return read(handle, bytes, records, signal)
}

async function gatherAll(
  { queue, reader }: Handle,
  target: Uint8Array,
  records: Records,
  signal?: AbortSignal,
): Promise<number> {
  const runs = toRuns(records, target)
  const arrived = (_run: Run, failures?: Map<number, unknown>) => {
    for (const error of failures?.values() ?? []) throw error
  }
  await gather({ queue, reader, signal, ...records, runs, ours: false, arrived })
  return runs.reduce((total, { bytes }) => total + bytes, 0)
}

// Records that are longer than a batch are transferred one by one.
async function transferEach(
  handle: Handle,
  target: Uint8Array,
  { offsets, lengths }: Records,
  signal?: AbortSignal,
): Promise<number> {
  let to = 0
  for (let i = 0; i < offsets.length; i += 1) {
    const offset = offsets[i] as number
    const count = lengths[i] as number
    const plan: Plan = { kind: 'copy', signal, take: copier(target, to) }
    await new Promise<void>((resolve, reject) => transferRange(handle.queue, offset, count, plan, resolve, reject))
    to += count
  }
  return to
}
