// mmapRead(): reads bytes of a file by its path. Calls of one turn of the event loop share jobs, and a file that is
// read again is mapped already.

import { Buffer } from 'node:buffer'
import type { FileHandle } from 'node:fs/promises'
import { resolve as resolvePath } from 'node:path'
import { giveUp, NativeFile, readPaths, releasePaths } from '#binding'
import {
  type Cancellable,
  isFileHandle,
  noMore,
  type Offset,
  type Source,
  toLength,
  toOffset,
  toPath,
  toSignal,
  withCall,
} from './arguments.js'
import { invalidArgValue, withCallersStack } from './errors.js'
import { option, queueMicrotask } from './language.js'
import { BATCHED_BYTES, INLINE_BYTES, JOB_PATH_BYTES, JOB_PATHS, OPEN_PATHS } from './limits.js'
import { MappedFile } from './mapped-file.js'
import { ownMemory, resultMemory, takeBack } from './memory.js'
import { mustBeAllowed } from './permission.js'
import { whenPermitted } from './pool.js'
import { tryReadPath } from './reader.js'
import { forget, onAbort } from './signals.js'
import { copyTo, sizeOf } from './targets.js'
import { affords, answer, NOT_HERE, NOW, refund } from './turn-budget.js'
import { readCall, written } from './wrong-calls.js'

const OPTIONS = ['idle', 'signal']
const SIGNATURE = 'mmapRead(path, offset, length, options)'

/** Options of {@link mmapRead}. */
export interface MmapReadOptions extends Cancellable {
  /** Milliseconds for which the file stays mapped after this call; 10,000 by default. */
  idle?: number | undefined
}

/** Milliseconds for which a file stays mapped after the last call that read it. */
const IDLE = 10_000

/** A read that waits for a job, or whose job is running. */
interface Asked {
  path: Buffer
  offset: number
  /** The rest of the file where it is negative. */
  length: number
  /** Milliseconds for which the file stays mapped. */
  idle: number
  signal: AbortSignal | undefined
  /** The number of its job, and its index in that job. */
  job: number
  index: number
  settled: boolean
  resolve(bytes: Buffer<ArrayBuffer> | Promise<Buffer<ArrayBuffer>>): void
  reject(error: unknown): void
}

let waiting: Asked[] = []
let scheduled = false
let permitRequested = false
let open = 0
let lastJob = 0x8000_0000

async function read(
  path: Source | FileHandle,
  offset: Offset = 0,
  length?: number,
  options?: MmapReadOptions,
): Promise<Buffer> {
  try {
    noMore(arguments[4], SIGNATURE)
    const signal = options === undefined ? undefined : toSignal(options, OPTIONS)
    const idle = options === undefined ? IDLE : toIdle(option(options, 'idle', IDLE))
    if (isFileHandle(path)) return readHandle(path, offset, length, signal)
    const cure = typeof path === 'number' ? `For a descriptor: await MappedFile.open(${path})` : undefined
    const bytes = absolute(path, 'of type string or an instance of Buffer, URL or FileHandle', cure)
    mustBeAllowed(bytes, false)
    const start = toOffset(offset)
    const wanted = length === undefined ? undefined : toLength(length)

    const when = wanted !== undefined && wanted <= INLINE_BYTES ? affords(wanted) : NOT_HERE
    if (when && wanted !== undefined) {
      const memory = when === NOW ? resultMemory(wanted) : ownMemory(wanted)
      const count = tryReadPath(bytes, idle, memory, start, wanted)
      if (count >= 0) return answer(cut(memory, count), when)
      takeBack(memory)
      refund(wanted)
    }
    return new Promise((resolve, reject) => enqueue(bytes, start, wanted ?? -1, idle, signal, resolve, reject))
  } catch (error) {
    const callee = `mmapRead(${written(path, 'path')}, `
    throw withCall(error, SIGNATURE, () => readCall(callee, Array.from(arguments).slice(1), OPTIONS))
  }
}

function enqueue(
  path: Buffer,
  offset: number,
  length: number,
  idle: number,
  signal: AbortSignal | undefined,
  resolve: Asked['resolve'],
  reject: Asked['reject'],
): void {
  const asked: Asked = { path, offset, length, idle, signal, job: 0, index: 0, settled: false, resolve, reject }
  if (signal) {
    const abort = () => {
      if (asked.job !== 0) giveUp(asked.job, asked.index, 1)
      settle(asked)
      reject(signal.reason)
    }
    asked.resolve = bytes => {
      forget(signal, abort)
      resolve(bytes)
    }
    asked.reject = error => {
      forget(signal, abort)
      reject(error)
    }
    onAbort(signal, abort)
  }
  waiting.push(asked)
  if (waiting.length >= JOB_PATHS) requestPermit()
  else scheduleJob()
}

function settle(asked: Asked): void {
  asked.settled = true
  asked.job = 0
}

function scheduleJob(): void {
  if (scheduled) return
  scheduled = true
  queueMicrotask(() => {
    scheduled = false
    requestPermit()
  })
}

function requestPermit(): void {
  if (permitRequested || waiting.length === 0 || open >= OPEN_PATHS) return
  permitRequested = true
  whenPermitted(startJob)
}

function startJob(): Promise<void> | undefined {
  permitRequested = false
  const batch: Asked[] = []
  let taken = 0
  for (; taken < waiting.length && batch.length < JOB_PATHS; taken += 1) {
    const asked = waiting[taken] as Asked
    if (asked.settled) continue
    // One job keeps all of its files mapped for the same time.
    if (asked.idle !== (batch[0]?.idle ?? asked.idle)) break
    batch.push(asked)
  }
  waiting = waiting.slice(taken)
  scheduleJob()
  if (batch.length === 0) return undefined
  const canBeGivenUp = batch.some(({ signal }) => signal)
  if (canBeGivenUp) lastJob = lastJob === 0xffff_ffff ? 0x8000_0000 : lastJob + 1
  const job = canBeGivenUp ? lastJob : 0
  const offsets = new Float64Array(batch.length)
  const lengths = new Float64Array(batch.length)
  for (let index = 0; index < batch.length; index += 1) {
    const asked = batch[index] as Asked
    offsets[index] = asked.offset
    lengths[index] = asked.length
    asked.job = job
    asked.index = index
  }
  try {
    const paths = batch.map(({ path }) => path)
    const { idle } = batch[0] as Asked
    return deliver(readPaths(job, paths, offsets, lengths, idle, BATCHED_BYTES, JOB_PATH_BYTES), batch)
  } catch (error) {
    for (const asked of batch) asked.reject(error)
    return undefined
  }
}

async function deliver(job: ReturnType<typeof readPaths>, batch: Asked[]): Promise<void> {
  try {
    const results = await job
    for (let index = 0; index < results.length; index += 1) {
      const asked = batch[index] as Asked
      const result = results[index]
      if (result instanceof NativeFile) readOpened(result, asked)
      else if (asked.settled) continue
      else if (result instanceof Error) asked.resolve(withCallersStack(result))
      else asked.resolve(result as Buffer<ArrayBuffer>)
      settle(asked)
    }
    // Reads that did not fit into this job come first in the next one.
    waiting = [...batch.slice(results.length), ...waiting]
  } catch (error) {
    for (const asked of batch) if (!asked.settled) asked.reject(error)
  }
  requestPermit()
}

// The range is too long for a batch, so it is read in pieces.
async function readOpened(native: NativeFile, asked: Asked): Promise<void> {
  if (asked.settled) {
    native.release()
    return
  }
  open += 1
  const file = MappedFile.of(native)
  try {
    const length = asked.length < 0 ? undefined : asked.length
    const options = asked.signal && { signal: asked.signal }
    asked.resolve((await file.read(asked.offset, length, options)) as Buffer<ArrayBuffer>)
  } catch (error) {
    asked.reject(error)
  } finally {
    await file.close()
    open -= 1
    requestPermit()
  }
}

// The bytes before the end of the file. If they fill less than half of the memory, they are copied and the memory is
// released.
function cut(memory: Buffer<ArrayBuffer>, count: number): Buffer<ArrayBuffer> {
  if (count === sizeOf(memory)) return memory
  if (2 * count >= sizeOf(memory)) return memory.subarray(0, count) as Buffer<ArrayBuffer>
  const bytes = resultMemory(count)
  copyTo(bytes, 0, memory, 0, count)
  return bytes
}

// Relative to the current working directory: the job may run after a chdir().
function absolute(path: Source, accepted?: string, cure?: string): Buffer {
  const { bytes } = toPath(path, accepted, cure)
  // An empty path names no file, and not the directory either.
  if (bytes.length === 0 || bytes[0] === 0x2f) return bytes
  return Buffer.concat([Buffer.from(`${resolvePath('.')}/`), bytes])
}

function toIdle(idle: unknown): number {
  if (typeof idle !== 'number' || !(idle >= 0)) {
    throw invalidArgValue('options.idle', 'must be a number of milliseconds >= 0', idle)
  }
  return idle
}

// A FileHandle has no path to find a kept mapping by, so its file is mapped for this call only.
async function readHandle(
  handle: FileHandle,
  offset: Offset,
  length: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const options = { signal }
  const file = await MappedFile.open(handle, options)
  try {
    return await file.read(offset, length, options)
  } finally {
    await file.close()
  }
}

/**
 * Reads `length` bytes at `offset` of the file at `path`, without blocking the event loop. A read takes at most one job
 * of the thread pool. Results beyond 8 MiB take one job per 8 MiB; without a `length`, results beyond 1 MiB take one
 * more.
 *
 * The file stays mapped until no call has read it for `options.idle` milliseconds, or until `mmapRead.release(path?)`
 * is called. All threads of the process share the mapping. A file that was replaced, or whose size changed, is noticed.
 *
 * @param path a path, relative to the working directory at the time of the call; or a FileHandle, whose file is mapped
 *   for this call only
 * @param offset the first byte; 0 by default
 * @param length bytes; the rest of the file by default
 * @returns a copy, shorter than `length` only at the end of the file; it may share its memory with other results, as
 *   the results of {@link MappedFile.read} do
 * @throws the errors of {@link MappedFile.open} and {@link MappedFile.read}
 */
export const mmapRead: {
  (path: Source | FileHandle, offset?: Offset, length?: number, options?: MmapReadOptions): Promise<Buffer>
  /**
   * Unmaps one file, or all files that mmapRead() keeps mapped in this process. Results stay valid.
   *
   * @throws `ERR_INVALID_ARG_TYPE` or `ERR_INVALID_ARG_VALUE` for an invalid path
   */
  release(path?: Source): void
} = Object.assign(read, {
  release(path?: Source): void {
    releasePaths(path === undefined ? undefined : absolute(path))
  },
})
