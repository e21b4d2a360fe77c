// Reads cold files, one by each method, and prints what became of the timers meanwhile. Runs under a throttle.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { MappedFile, mmapRead } from 'faultless'
import { unpopulatedWindow } from '#binding'
import { KiB, PAGE, seededBytes } from '../helpers/files.mjs'

const [folder, length] = [process.argv[2], Number(process.argv[3])]
const expected = seededBytes(length)
const everyPage = Array.from({ length: length / PAGE }, (_, page) => page * PAGE)
const ranges = Array.from({ length: length / (64 * KiB) }, (_, index) => ({
  offset: index * 64 * KiB,
  length: 64 * KiB,
}))

/** Each gets a cold file's path and gives back its bytes, having touched them all. */
const ways = {
  async naive(path) {
    return Buffer.from(new Uint8Array(unpopulatedWindow(Buffer.from(path))))
  },
  read: opened(file => file.read()),
  readInto: opened(async file => {
    const target = Buffer.alloc(length)
    await file.readInto(target)
    return target
  }),
  'reads at once': opened(async file =>
    Buffer.concat(await Promise.all(ranges.map(({ offset, length }) => file.read(offset, length)))),
  ),
  readMany: opened(async file => Buffer.concat(await file.readMany(ranges))),
  readManySettled: opened(async file => Buffer.concat((await file.readManySettled(ranges)).map(({ value }) => value))),
  readManyInto: opened(async file => {
    const target = Buffer.alloc(length)
    await file.readManyInto(target, everyPage, PAGE)
    return target
  }),
  view: opened(file => file.view()),
  chunks: opened(async file => {
    const parts = []
    for await (const chunk of file.chunks({ chunkSize: 256 * KiB })) parts.push(chunk)
    return Buffer.concat(parts)
  }),
  slice: opened(async file => Buffer.from(await file.slice(0))),
  prefault: opened(async file => {
    await file.prefault()
    return file.tryRead(0, length)
  }),
  mmapRead: path => mmapRead(path, 0, length),
}

const attempts = {
  tryRead: file => file.tryRead(0, length),
  tryReadInto: file => file.tryReadInto(Buffer.alloc(length), 0),
  tryView: file => file.tryView(0, length),
}

function opened(way) {
  return async path => {
    const file = await MappedFile.open(path)
    const bytes = await way(file)
    await file.close()
    return bytes
  }
}

/** Milliseconds that this thread was ready to run, and the machine had no CPU for it. */
const starved = () => Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]) / 1e6

// A thread that looks at this one every 2 ms: how often it looked, and how often it saw a wait for a disk or a lock.
const looks = new Int32Array(new SharedArrayBuffer(8))
const observer = new Worker(
  `const { readFileSync } = require('node:fs')
  const { workerData } = require('node:worker_threads')
  setInterval(() => {
    const [state] = readFileSync('/proc/self/task/' + process.pid + '/stat', 'latin1').split(') ')[1]
    Atomics.add(workerData, 0, 1)
    if (state === 'D') Atomics.add(workerData, 1, 1)
  }, 2)`,
  { eval: true, workerData: looks },
)
await once(observer, 'online')

/**
 * How long the work took, how often a timer fired meanwhile, the longest that timers had to wait, without what other
 * programs took of the CPU, and the share of the time in which this thread was blocked.
 */
async function watched(work) {
  let last = 0
  let largest = 0
  let ticks = 0
  const tick = () => {
    const now = performance.now() - starved()
    largest = Math.max(largest, now - last)
    last = now
    ticks++
  }
  const timer = setInterval(tick, 1)
  await delay(20)
  tick()
  largest = 0
  ticks = 0
  looks.fill(0)
  const began = performance.now()
  const result = await work()
  tick()
  clearInterval(timer)
  return { result, took: performance.now() - began, largest, ticks, blocked: looks[1] / looks[0] }
}

// Once on a warm file, so that neither code nor memory of Node's own is met for the first time below.
for (const way of Object.values(ways)) await way(join(folder, 'warm'))

const report = { ways: {}, attempts: {} }
for (const [name, way] of Object.entries(ways)) {
  const { result, ...times } = await watched(async () => expected.equals(await way(join(folder, name))))
  report.ways[name] = { right: result, ...times }
}
for (const [name, attempt] of Object.entries(attempts)) {
  const file = await MappedFile.open(join(folder, name))
  const { result, ...times } = await watched(async () => attempt(file))
  report.attempts[name] = { undefined: result === undefined, ...times }
  await file.close()
}
await observer.terminate()
console.log(JSON.stringify(report))
