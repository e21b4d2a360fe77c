// Takes short results away while reads wait for the pool, gives their memory to others, and prints what became of whose bytes.
//
// FAULTLESS_INLINE=off has the pool answer everything; with UV_THREADPOOL_SIZE=1 no job begins before the thread is free.

import { pbkdf2 } from 'node:crypto'
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'
import { KiB, MiB, seededBytes } from '../helpers/files.mjs'
import { collectGarbage } from '../helpers/process.mjs'

const ROUNDS = 6
const LENGTH = 4 * KiB

const ways = {
  'byte stream': bytes => new ReadableStream({ type: 'bytes', start: controller => controller.enqueue(bytes) }),
  structuredClone: bytes => structuredClone(bytes, { transfer: [bytes.buffer] }),
  // Since Node 22.
  ...(ArrayBuffer.prototype.transfer && { transfer: bytes => bytes.buffer.transfer() }),
}

const original = seededBytes(MiB)
const right = (bytes, offset) => original.subarray(offset, offset + LENGTH).equals(bytes)

/** What becomes of memory that somebody tries to take: 'refused', 'copied' (it stays), or 'taken'. */
function take(way, bytes) {
  try {
    way(bytes)
  } catch {
    return 'refused'
  }
  return bytes.length === 0 ? 'taken' : 'copied'
}

/** Keeps the only thread of the pool busy for some tens of milliseconds. */
const busy = () => new Promise(resolve => pbkdf2('', '', 50_000, 64, 'sha512', resolve))

async function round(file, way, found) {
  const [earlier, neighbour] = await Promise.all([file.read(0, LENGTH), file.read(LENGTH, LENGTH)])
  const thread = busy()
  const offsets = Array.from({ length: 12 }, (_, index) => (index + 2) * LENGTH)
  const pending = offsets.map(offset => file.read(offset, LENGTH))
  // By now their job waits for the thread.
  await collectGarbage()
  found.earlier.add(take(way, earlier))
  found.neighbour.add(right(neighbour, LENGTH) ? 'kept' : `${neighbour.length} bytes`)
  // What a stream has taken goes with the stream, in steps.
  for (let time = 0; time < 3; time++) await collectGarbage()
  // As long as blocks of short results: the memory that was just freed is theirs.
  const foreign = Array.from({ length: 64 }, () => Buffer.allocUnsafeSlow(64 * KiB).fill(0xab))
  found.empty.add((await file.read(0, 0)).length + (file.tryRead(0, 0)?.length ?? 0))
  await thread
  const results = await Promise.allSettled(pending)
  found.wrong += results.filter(({ value }, index) => !(value && right(value, offsets[index]))).length
  found.overwritten += foreign.filter(bytes => bytes.some(byte => byte !== 0xab)).length
}

/** What becomes of the pool of Node itself, whose thread can make no more Buffers where it is taken. */
async function ofNode(name) {
  const [outcome] = await once(new Worker(new URL(import.meta.url), { workerData: name }), 'message')
  return outcome
}

async function main() {
  const file = await MappedFile.open(process.argv[2])
  const report = {}
  for (const [name, way] of Object.entries(ways)) {
    const found = { earlier: new Set(), neighbour: new Set(), empty: new Set(), wrong: 0, overwritten: 0 }
    for (let index = 0; index < ROUNDS; index++) await round(file, way, found)
    const sets = ['earlier', 'neighbour', 'empty'].map(key => [key, [...found[key]].join()])
    report[name] = { ofNode: await ofNode(name), ...found, ...Object.fromEntries(sets) }
  }
  await file.close()
  console.log(JSON.stringify(report))
}

if (isMainThread) await main()
else parentPort.postMessage(take(ways[workerData], Buffer.from('a Buffer out of the pool')))
