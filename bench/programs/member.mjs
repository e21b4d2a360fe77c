// One member of a group, the same program as a worker thread and as a process: reads a file over and over in the window
// it is told, verifies what it read, and reports how often it did.
import { closeSync, openSync, readSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { sameBytes } from './answers.mjs'
import { readers } from './readers.mjs'

/** Odd and large: the place that is checked wanders over all pages of a file whose size is a power of two. */
const STRIDE = 1_000_003
/** Sleeping ends this much early, in milliseconds, and the rest is spun away: a sleeper wakes late, a spinner does not. */
const SPIN = 0.5

/** @type {{ reader: string, path: string, size: number, checksum: number, poolSize?: number }} */
const { reader, path, size, checksum, poolSize } = isMainThread ? JSON.parse(process.argv[2]) : workerData
const channel = isMainThread ? process : parentPort
const send = isMainThread ? message => process.send(message) : message => parentPort.postMessage(message)

if (poolSize !== undefined) Buffer.poolSize = poolSize

/** Milliseconds since boot: one clock for all processes, where performance.now() starts anew in each thread. */
const origin = Number(process.hrtime.bigint()) / 1e6 - performance.now()
const clock = () => origin + performance.now()

// What is audited needs more of Node than reading does: members that only read start without it.
const {
  synchronous,
  lanes,
  shared,
  setup,
  expect = sameBytes,
} = readers[reader] ?? (await import('./audited.mjs')).audited[reader]
/** @type {import('./readers.mjs').Source[]} */
let sources
/** @type {import('./answers.mjs').Expected} */
let expected
/** @type {Lane[]} */
let running

channel.on('message', answer)
if (isMainThread) process.once('disconnect', hostGone)
reply('ready', prepare)

async function prepare() {
  expected = expect(readExpected(), path)
  sources = await Promise.all(Array.from({ length: lanes }, () => setup(path, size)))
  running = await Promise.all(sources.map(startLane))
}

/** @param {string} kind @param {() => Promise<object | void>} work */
async function reply(kind, work) {
  try {
    send({ kind, ...(await work()) })
  } catch (error) {
    send({ kind, error: error.message, code: error.code })
  }
}

/** What the file must hold, read without any of the readers and verified against the checksum of its maker. */
function readExpected() {
  const bytes = Buffer.alloc(size)
  const descriptor = openSync(path)
  readSync(descriptor, bytes)
  closeSync(descriptor)
  const sum = crc32(bytes)
  if (sum !== checksum) throw new Error(`wrong answer: the checksum of ${path} is ${sum}, not ${checksum}`)
  return bytes
}

/** Reads once and verifies all of it, before anything is timed. @param {import('./readers.mjs').Source} source */
async function startLane(source) {
  let last = await source.once()
  expected.verify(last)
  let position = 0
  return {
    once: source.once,
    spoil() {
      position = (position + STRIDE) % expected.length
      if (!shared) expected.spoil?.(last, position)
    },
    accept(answer) {
      expected.accept(answer, position, last)
      last = answer
    },
    verifyLast: () => expected.verify(last),
  }
}

/**
 * @typedef {Awaited<ReturnType<typeof startLane>>} Lane
 * @typedef {{ start: number, end: number, reads: number }} Window ends at its end, or after so many reads of a member
 */

/** @param {Lane} lane @param {Window} window */
function runSync(lane, { end, reads }) {
  let operations = 0
  while (operations < reads && clock() < end) {
    lane.spoil()
    lane.accept(lane.once())
    operations += 1
  }
  return operations
}

/** @param {Lane} lane @param {Window} window */
async function runAsync(lane, { end, reads }) {
  let operations = 0
  while (operations < reads / lanes && clock() < end) {
    lane.spoil()
    lane.accept(await lane.once())
    operations += 1
  }
  return operations
}

/** @param {number} start */
function sleepUntil(start) {
  const left = start - SPIN - clock()
  if (left > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, left)
  while (clock() < start);
}

/** @param {({ kind: 'go' } & Window) | { kind: 'stop' }} message */
function answer(message) {
  return message.kind === 'stop' ? stop() : reply('result', () => measure(message))
}

/** @param {Window} window */
async function measure(window) {
  const late = Math.max(0, clock() - window.start)
  sleepUntil(window.start)
  const began = Math.max(0, clock() - window.start)
  const before = usage()
  const counts = synchronous
    ? running.map(lane => runSync(lane, window))
    : await Promise.all(running.map(lane => runAsync(lane, window)))
  const elapsed = clock() - window.start
  const after = usage()
  const resident = process.memoryUsage.rss()
  for (const lane of running) lane.verifyLast()
  return { operations: counts.reduce((sum, count) => sum + count), elapsed, late, began, resident, before, after }
}

/** Of the whole process: a worker sees what all threads beside it have used. */
function usage() {
  const counters = process.resourceUsage()
  return {
    userMs: counters.userCPUTime / 1000,
    systemMs: counters.systemCPUTime / 1000,
    minorFaults: counters.minorPageFault,
    majorFaults: counters.majorPageFault,
    voluntarySwitches: counters.voluntaryContextSwitches,
    involuntarySwitches: counters.involuntaryContextSwitches,
  }
}

/** Ends by having nothing left to do: what a reader leaves alive or breaks at exit shows in the exit code or as a hang. */
async function stop() {
  for (const source of sources) await source.close?.()
  if (!isMainThread) return parentPort.close()
  process.off('disconnect', hostGone)
  process.disconnect()
}

function hostGone() {
  process.exit(1)
}
