// The measurements of `faultless prove`. They run in a process of their own, which maps only the measured file.

import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { unpopulatedWindow } from '#binding'
import { MappedFile } from '../../mapped-file.js'
import { type Answers, answer, PAGE, type Task } from './tasks.js'

/** Reads before the measurement, of another file that is in memory: they compile the code. */
const REHEARSAL = 500
/** Milliseconds until the heaps of workers have stopped growing. */
const WARM_UP = 1500

const go = () => new Promise(resolve => process.once('message', resolve))
const ready = async () => {
  const started = go()
  process.send?.('ready')
  await started
}

/** Sums up one byte of each page of a cold file, and watches a timer meanwhile. */
async function stall({ path, method, length }: Task & { kind: 'stall' }): Promise<Answers['stall']> {
  const file = await MappedFile.open(path)
  const touched = new Uint8Array(unpopulatedWindow(Buffer.from(path)), 0, length)
  const other = await MappedFile.open(process.execPath)
  for await (const chunk of other.chunks()) sumUp(chunk)
  await other.close()
  await ready()
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }, 1)
  await setTimeout(20)
  longest = 0
  const begun = performance.now()
  let sum = 0
  if (method === 'touch') sum = sumUp(touched)
  else for await (const chunk of file.chunks({ end: length })) sum += sumUp(chunk)
  const milliseconds = performance.now() - begun
  // Includes the gap that has not ended yet.
  await setTimeout(20)
  clearInterval(timer)
  await file.close()
  return { sum, longest, milliseconds }
}

function sumUp(bytes: Uint8Array): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += PAGE) sum += bytes[at] as number
  return sum
}

/** Reads all ranges concurrently. */
async function cold({ path, method, offsets }: Task & { kind: 'cold' }): Promise<Answers['cold']> {
  const reader = await readerOf(method, path)
  const other = await readerOf(method, process.execPath)
  await Promise.all(Array.from({ length: REHEARSAL }, (_, index) => other.read(index * PAGE)))
  await other.close()
  await ready()
  const begun = performance.now()
  const pages = await Promise.all(offsets.map(offset => reader.read(offset)))
  const milliseconds = performance.now() - begun
  await reader.close()
  const digest = createHash('sha256')
  for (const page of pages) digest.update(page)
  return { milliseconds, digest: digest.digest('hex') }
}

/** Reads one range after the other of a file that is in memory, alternating between both methods. */
async function warm({ path, offsets, turns }: Task & { kind: 'warm' }): Promise<Answers['warm']> {
  const conventional = await readerOf('fs', path)
  const ours = await readerOf('faultless', path)
  await ours.prefault()
  let same = true
  for (const offset of offsets) {
    const [left, right] = await Promise.all([conventional.read(offset), ours.read(offset)])
    same &&= left.equals(right)
  }
  const time = async (reader: Reader) => {
    let sum = 0
    const begun = performance.now()
    for (const offset of offsets) sum += (await reader.read(offset))[0] as number
    return { sum, milliseconds: performance.now() - begun }
  }
  const pairs: Answers['warm']['pairs'] = []
  for (let turn = 0; turn < turns; turn += 1) {
    const first = await time(turn % 2 === 0 ? conventional : ours)
    const second = await time(turn % 2 === 0 ? ours : conventional)
    same &&= first.sum === second.sum
    const [fs, faultless] = turn % 2 === 0 ? [first, second] : [second, first]
    pairs.push({ fs: fs.milliseconds, faultless: faultless.milliseconds })
    await setImmediate()
  }
  await Promise.all([conventional.close(), ours.close()])
  return { same, pairs }
}

interface Reader {
  read(offset: number): Promise<Buffer>
  prefault(): Promise<void>
  close(): Promise<void>
}

async function readerOf(method: 'fs' | 'faultless', path: string): Promise<Reader> {
  if (method === 'faultless') {
    const file = await MappedFile.open(path)
    return { read: offset => file.read(offset, PAGE), prefault: () => file.prefault(), close: () => file.close() }
  }
  const handle = await open(path)
  return {
    async read(offset) {
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(PAGE), 0, PAGE, offset)
      return buffer.subarray(0, bytesRead)
    },
    prefault: async () => {},
    close: () => handle.close(),
  }
}

/** Lets worker threads read until the parent stops them; counts the reads between two messages. */
async function locks({ path, method, threads, size, length }: Task & { kind: 'locks' }): Promise<Answers['locks']> {
  const counts = new Float64Array(new SharedArrayBuffer(8 * 8 * threads))
  const wrong = new Int32Array(new SharedArrayBuffer(4))
  const workers = Array.from({ length: threads }, (_, index) => {
    const workerData = { path, method, size, length, counts, wrong, place: 8 * index }
    return new Worker(new URL('./lock-worker.js', import.meta.url), { workerData })
  })
  await setTimeout(WARM_UP)
  const reads = () => counts.reduce((sum, count) => sum + count, 0)
  await ready()
  const before = reads()
  await ready()
  const after = reads()
  await ready()
  await Promise.all(workers.map(worker => worker.terminate()))
  return { reads: after - before, same: wrong[0] === 0 }
}

process.once('message', async (task: Task) => {
  const run = { stall, cold, warm, locks }[task.kind] as (task: Task) => Promise<Answers[Task['kind']]>
  process.send?.(answer(await run(task)), () => process.disconnect())
})
