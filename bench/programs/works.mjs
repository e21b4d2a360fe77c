// The kinds of work that the ways to read are measured at. What must be found is drawn before anything is timed, and each
// answer is checked: all of it before and after, its length and one byte of it while the time runs.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readSync } from 'node:fs'
import { createHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { Bench } from 'tinybench'
import { MiB } from '../harness/cells.mjs'
import { bytesAt, manyPaths } from '../harness/files.mjs'
import { seededRandom } from '../harness/random.mjs'
import { summer } from '../harness/sums.mjs'
import { peers } from './peers.mjs'
import { percentiles, pressure, touches } from './pressure.mjs'
import { sharedViews } from './shared-views.mjs'
import { sums } from './sums.mjs'

/**
 * @typedef {{
 *   kind: keyof typeof works, peer: string, path: string, size: number, length: number,
 *   lanes?: number, sum?: boolean, delay?: boolean, heap?: number, count?: number, rehearsal?: { path: string, size: number },
 *   paths?: string[], sums?: number[], warm?: boolean, course?: boolean, uid?: number,
 *   folder?: string, files?: number, checksum?: number, workers?: number,
 *   stream?: { peer: string, paths: string[], sums: number[], size: number, bytesPerSecond: number }
 * }} Task `uid`: the user who does it, where that is another one
 * @typedef {{ milliseconds: number, warmup: number }} Window
 * @typedef {{ measure: (window: Window) => Promise<object>, close: () => any }} Work
 */

/** Places drawn for ranges: more of 4 KiB than any cache of a CPU holds beside its own. */
const PLACES = 4096
/** Made between two looks at how large the heap is. */
const OBJECTS_AT_ONCE = 10_000
/** Places where all bytes are summed up. */
const SUMMED = 512
/** Whole answers verified before the time runs, and by how many of the reads under way. */
const VERIFIED = { reads: 8, lanes: 8 }
/** Batches that take turns. */
const BATCHES = 8
/** A timer that is to go off each so many milliseconds tells how late timers are. */
const TICK = 1
/** What was mapped is let go of on another thread, which is given so many milliseconds. */
const LETTING_GO = 100
/** Reads of a hot set between two ticks: each of its pages is read about once a second. */
const HOT_READS = 4
const STREAM_PAST = fileURLToPath(new URL('./stream-past.mjs', import.meta.url))
/** Resolved promises awaited in a turn of the loop that does nothing else: about 0.1 ms. */
const IDLE_AWAITS = 1000

export const works = {
  // Its libraries are loaded by nobody else.
  app: async task => (await import('./apps.mjs')).app(task),
  ranges,
  batches,
  coldBatch,
  sequence,
  files,
  sums,
  pressure,
  touches,
  neighbour,
  opening,
  awaits,
  sharedViews,
}

/** Random ranges of a file, `lanes` of them under way, beside a heap of so many bytes. @param {Task} task @returns {Promise<Work>} */
async function ranges(task) {
  const heap = liveObjects(task.heap ?? 0)
  const { lanes, source } = await startLanes(task)
  const each = readsPerLane(task)
  const run =
    peers[task.peer].style === 'sync' ? runSync : peers[task.peer].style === 'callback' ? runCallback : runPromise
  // Such a user is not told what is in the page cache: answers come at once from what is in the page table, where a second
  // read of a range is to bring it.
  if (task.uid !== undefined) for (const lane of lanes) await run(lane, 2 * PLACES)
  for (const lane of lanes.slice(0, VERIFIED.lanes)) {
    for (let read = 0; read < VERIFIED.reads; read += 1) {
      await run(lane, 1)
      lane.verifyLast()
    }
  }
  const all = lanes.length === 1 ? () => run(lanes[0], each) : () => Promise.all(lanes.map(lane => run(lane, each)))
  return {
    async measure(window) {
      const delay = task.delay && monitorEventLoopDelay({ resolution: TICK })
      const latency = await time(all, each * lanes.length, window, () => delay?.enable())
      delay?.disable()
      for (const lane of lanes) lane.verifyLast()
      return { ...latency, ...(delay && { delay: lateness(delay) }) }
    },
    async close() {
      await source.close()
      if (heap.at(-1)?.number === -1) throw new Error('the heap was to live through all of it')
    },
  }
}

/** Objects that take about so many bytes of V8's heap. @param {number} bytes */
function liveObjects(bytes) {
  const before = process.memoryUsage().heapUsed
  const objects = []
  while (process.memoryUsage().heapUsed - before < bytes) {
    for (let made = 0; made < OBJECTS_AT_ONCE; made += 1)
      objects.push({ number: objects.length, half: objects.length / 2 })
  }
  return objects
}

/** Sets of records, each set asked for at once. @param {Task} task @returns {Promise<Work>} */
async function batches(task) {
  const { path, length, count } = task
  readThrough(path)
  const drawn = drawBatches(task)
  const source = await peers[task.peer].batches({ path, length, batches: drawn })
  for (let batch = 0; batch < BATCHES; batch += 1) verifyBatch(source, await source.start(batch), drawn[batch], task)
  let batch = 0
  let index = 0
  let answer
  async function once() {
    batch = (batch + 1) % BATCHES
    index = (index + 1) % count
    source.target?.fill(0, index * length, (index + 1) * length)
    answer = await source.start(batch)
    if (!bytesAt(drawn[batch][index], 16).equals(source.part(answer, index).subarray(0, 16))) {
      throw wrong(path, drawn[batch][index])
    }
  }
  return {
    async measure(window) {
      const latency = await time(once, count, window)
      verifyBatch(source, answer, drawn[batch], task)
      return latency
    },
    close: () => source.close(),
  }
}

/**
 * One set of records of a file that is cold, asked for at once. Rehearsed on another file, which is as cold, so that the
 * code is compiled: a server meets a cold file more than once.
 * @param {Task} task
 * @returns {Promise<Work>}
 */
async function coldBatch(task) {
  const { path, length, count, rehearsal } = task
  const peer = peers[task.peer]
  const rehearsed = { ...task, ...rehearsal }
  const first = drawBatches(rehearsed, 1)
  const trial = await peer.batches({ path: rehearsal.path, length, batches: first })
  verifyBatch(trial, await trial.start(0), first[0], rehearsed)
  await trial.close()
  const drawn = drawBatches(task, 1)
  const source = await peer.batches({ path, length, batches: drawn })
  return {
    async measure() {
      const begun = performance.now()
      const answer = await source.start(0)
      const took = performance.now() - begun
      verifyBatch(source, answer, drawn[0], task)
      return { rate: (1000 * count) / took, milliseconds: took, reads: count }
    },
    close: () => source.close(),
  }
}

/** Files read from their first byte to their last, one after the other. @param {Task} task @returns {Promise<Work>} */
async function sequence({ peer, paths, sums, size, warm }) {
  const source = await peers[peer].sequence({ paths })
  const once = async () => {
    const found = summer(size)
    const begun = performance.now()
    await source.run(found.consume)
    const took = performance.now() - begun
    if (found.sums.join() !== sums.join()) {
      throw new Error(`wrong answer: the sums over ${paths.length} files are ${found.sums}, not ${sums}`)
    }
    return { rate: (1000 * paths.length * size) / took, milliseconds: took }
  }
  if (warm) {
    for (const path of paths) readThrough(path)
    await once()
  }
  return { measure: once, close: () => source.close() }
}

/**
 * Many small files by their paths, all of them asked for at once. What a way keeps of them is let go of before each round, so
 * that none profits from the one before. Rehearsed on the same files, so that the code is compiled.
 * @param {Task} task
 * @returns {Promise<Work>}
 */
async function files({ peer, folder, files, size, checksum }) {
  const paths = manyPaths({ folder, files })
  const { read, letGo } = await peers[peer].files()
  const readAll = () => Promise.all(paths.map(path => read(path)))
  await once()
  return { measure: once, close() {} }

  async function once() {
    const cpuBefore = process.cpuUsage()
    const begun = performance.now()
    const answers = await readAll()
    const took = performance.now() - begun
    const { user, system } = process.cpuUsage(cpuBefore)
    const found = answers.reduce((sum, bytes) => crc32(bytes, sum), 0)
    if (found !== checksum || answers.some(({ length }) => length !== size)) {
      throw new Error(`wrong answer: the bytes of ${paths.length} files of ${size} are others`)
    }
    letGo()
    await sleep(LETTING_GO)
    return {
      milliseconds: took,
      rate: (1000 * paths.length) / took,
      cpuMs: (user + system) / 1000,
      files,
    }
  }
}

/**
 * A file opened and closed over and over; only the opening is timed. What was mapped is let go of on another thread, which
 * is given the time to do so: 128 mappings of 1 TiB are all that fit.
 * @param {Task} task
 * @returns {Promise<Work>}
 */
async function opening({ path, size }) {
  const { MappedFile } = await import('faultless')
  async function once() {
    const begun = performance.now()
    const file = await MappedFile.open(path)
    const took = performance.now() - begun
    if (file.byteLength !== size) throw new Error(`wrong answer: ${path} has ${size} bytes, not ${file.byteLength}`)
    await file.close()
    await sleep(1)
    return { overriddenDuration: took, overriddenIterationCost: performance.now() - begun }
  }
  return { measure: window => bench(once, window), close() {} }
}

/**
 * Random reads of a hot set, a few each millisecond, while another process in the same cgroup streams a file past, once, and
 * ends: how long they take. @param {Task} task @returns {Promise<Work>}
 */
async function neighbour(task) {
  const streaming = fork(STREAM_PAST, [JSON.stringify(task.stream)])
  await answerOf(streaming)
  const { lanes, source } = await startLanes(task)
  const [lane] = lanes
  await runPromise(lane, 2 * PLACES)
  return {
    async measure() {
      const histogram = createHistogram()
      const before = process.resourceUsage()
      let streamed
      const done = answerOf(streaming).then(answer => {
        streamed = answer
      })
      streaming.send('go')
      do {
        for (let read = 0; read < HOT_READS; read += 1) {
          const begun = process.hrtime.bigint()
          await runPromise(lane, 1)
          histogram.record(process.hrtime.bigint() - begun)
        }
        await Promise.race([sleep(TICK), done])
      } while (!streamed)
      lane.verifyLast()
      const majorFaults = process.resourceUsage().majorPageFault - before.majorPageFault
      return { ...percentiles(histogram), reads: histogram.count, majorFaults, ...streamed }
    },
    close: () => source.close(),
  }
}

/** What a child says next; rejects when it says that it failed, or nothing any more. @param {import('node:child_process').ChildProcess} child */
async function answerOf(child) {
  const abort = new AbortController()
  const { signal } = abort
  try {
    const [answer] = await Promise.race([
      once(child, 'message', { signal }),
      once(child, 'exit', { signal }).then(([code]) => [{ error: `ended by exit code ${code}` }]),
    ])
    if (answer.error) throw new Error(answer.error)
    return answer
  } finally {
    abort.abort()
  }
}

/** One warm read awaited after the other, while a timer tells by how much timers are late. @param {Task} task @returns {Promise<Work>} */
async function awaits(task) {
  if (task.peer === 'nothing') return { measure: window => ticking(idleTurn, window), close() {} }
  const { lanes, source } = await startLanes(task)
  const [lane] = lanes
  const read = () => runPromise(lane, 1)
  await read()
  lane.verifyLast()
  return {
    async measure(window) {
      const found = await ticking(read, window)
      lane.verifyLast()
      return found
    },
    close: () => source.close(),
  }
}

/** The same loop without the read: promises that are resolved already, and a turn of the loop after some of them. */
async function idleTurn() {
  for (let awaited = 0; awaited < IDLE_AWAITS; awaited += 1) await undefined
  await new Promise(setImmediate)
}

/** @param {() => Promise<void>} once @param {Window} window */
async function ticking(once, { milliseconds, warmup }) {
  const runUntil = async end => {
    let rounds = 0
    for (; performance.now() < end; rounds += 1) await once()
    return rounds
  }
  await runUntil(performance.now() + warmup)
  let worst = 0
  let ticks = 0
  let due = performance.now() + TICK
  let timer = setTimeout(function tick() {
    worst = Math.max(worst, performance.now() - due)
    ticks += 1
    due = performance.now() + TICK
    timer = setTimeout(tick, TICK)
  }, TICK)
  const rounds = await runUntil(performance.now() + milliseconds)
  worst = Math.max(worst, performance.now() - due)
  clearTimeout(timer)
  return { rate: (1000 * rounds) / milliseconds, worst, ticks }
}

/** The reads under way of one way to read, on a file in the page cache and, where the way has one, in its mapping. @param {Task} task */
async function startLanes(task) {
  readThrough(task.path)
  const source = await peers[task.peer].ranges(task)
  if (task.uid === undefined) await source.warm?.()
  const drawn = draw(task)
  const count = task.lanes ?? 1
  const apart = Math.ceil(drawn.offsets.length / count)
  const lanes = Array.from({ length: count }, (_, index) => new CheckedLane(source.lane(), drawn, index * apart, task))
  return { lanes, source }
}

/** Brings a file into the page cache. @param {string} path */
function readThrough(path) {
  const descriptor = openSync(path)
  const scratch = Buffer.allocUnsafe(MiB)
  while (readSync(descriptor, scratch) > 0);
  closeSync(descriptor)
}

/**
 * Where is read, which byte of the answer is looked at, and what that is.
 * @param {Task} task
 */
function draw({ size, length, sum }) {
  const random = seededRandom(size / length)
  const count = sum ? SUMMED : PLACES
  const offsets = Float64Array.from({ length: count }, () => Math.floor(random() * Math.floor(size / length)) * length)
  const positions = Int32Array.from({ length: count }, () => Math.floor(random() * length))
  const marks = Uint8Array.from(offsets, (offset, place) => bytesAt(offset + positions[place], 1)[0])
  const sums = sum ? Float64Array.from(offsets, offset => sumOf(bytesAt(offset, length))) : undefined
  return { offsets, positions, marks, sums }
}

/** @param {Uint8Array} bytes */
function sumOf(bytes) {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 1) sum += bytes[i]
  return sum
}

/** One read at a time, each checked. */
class CheckedLane {
  #lane
  #offsets
  #positions
  #marks
  #sums
  #length
  #path
  #place
  /** @type {Uint8Array} */
  #last

  /** @param {import('./peers.mjs').Lane} lane @param {ReturnType<typeof draw>} drawn @param {number} place @param {Task} task */
  constructor(lane, { offsets, positions, marks, sums }, place, { length, path }) {
    this.#lane = lane
    this.#offsets = offsets
    this.#positions = positions
    this.#marks = marks
    this.#sums = sums
    this.#length = length
    this.#path = path
    this.#place = place % offsets.length
  }

  /** Begins the next read. A buffer that is used again could hold the right byte from before: it is spoiled. */
  start(done) {
    const place = this.#place + 1 === this.#offsets.length ? 0 : this.#place + 1
    this.#place = place
    const { target } = this.#lane
    if (target) target[this.#positions[place]] = ~this.#marks[place]
    return this.#lane.start(this.#offsets[place], done)
  }

  accept(answer) {
    const bytes = this.#lane.take(answer)
    const place = this.#place
    const right = bytes.length === this.#length && bytes[this.#positions[place]] === this.#marks[place]
    if (!right || (this.#sums && sumOf(bytes) !== this.#sums[place])) throw wrong(this.#path, this.#offsets[place])
    this.#last = bytes
  }

  verifyLast() {
    const offset = this.#offsets[this.#place]
    // What lmdb hands out says that it is shorter than it is.
    const bytes = this.#last.subarray(0, this.#last.length)
    if (!bytesAt(offset, this.#length).equals(bytes)) throw wrong(this.#path, offset)
  }
}

const wrong = (path, offset) => new Error(`wrong answer: the bytes at ${offset} of ${path} are others`)

/** @param {CheckedLane} lane @param {number} reads */
function runSync(lane, reads) {
  for (let read = 0; read < reads; read += 1) lane.accept(lane.start())
}

/** @param {CheckedLane} lane @param {number} reads */
async function runPromise(lane, reads) {
  for (let read = 0; read < reads; read += 1) lane.accept(await lane.start())
}

/** @param {CheckedLane} lane @param {number} reads */
function runCallback(lane, reads) {
  return new Promise((resolve, reject) => {
    let left = reads
    function done(error, answer) {
      if (error) return reject(error)
      try {
        lane.accept(answer)
      } catch (wrongAnswer) {
        return reject(wrongAnswer)
      }
      next()
    }
    function next() {
      if (left === 0) return resolve()
      left -= 1
      lane.start(done)
    }
    next()
  })
}

/** Reads of each lane that are timed together: looking at the clock costs as much as a small read that is warm. @param {Task} task */
function readsPerLane({ length, lanes = 1 }) {
  const together = Math.max(1, Math.min(256, MiB / length))
  return Math.max(lanes > 1 ? 4 : 1, Math.ceil(together / lanes))
}

/** @param {() => unknown} work @param {number} reads that it does @param {Window} window @param {() => void} [begin] when the time begins to count */
function time(work, reads, window, begin) {
  return bench(
    async () => {
      const begun = performance.now()
      const under = work()
      if (under) await under
      const took = performance.now() - begun
      return { overriddenDuration: took / reads, overriddenIterationCost: took }
    },
    window,
    begin,
  )
}

/** @param {() => Promise<object>} once @param {Window} window @param {() => void} [begin] */
async function bench(once, { milliseconds, warmup }, begin) {
  const bench = new Bench({
    time: milliseconds,
    iterations: 1,
    warmup: warmup > 0,
    warmupTime: warmup,
    warmupIterations: 1,
    throws: true,
  })
  bench.add('work', once, { async: true, beforeAll: phase => phase === 'run' && begin?.() })
  await bench.run()
  const { mean, p50, p99, max, samplesCount } = bench.tasks[0].result.latency
  return { rate: 1000 / mean, milliseconds: { mean, p50, p99, max }, windows: samplesCount }
}

/** By how much timers were late, in milliseconds. @param {import('node:perf_hooks').IntervalHistogram} histogram */
function lateness(histogram) {
  const late = nanoseconds => Math.max(0, nanoseconds / 1e6 - TICK)
  return { p99: late(histogram.percentile(99)), max: late(histogram.max), ticks: histogram.count }
}

/** @param {Task} task */
function drawBatches({ size, length, count }, batches = BATCHES) {
  const random = seededRandom(size + count)
  const records = Math.floor(size / length)
  return Array.from({ length: batches }, () => {
    // None twice: a record that is read again is warm.
    const numbers = new Set()
    while (numbers.size < count) numbers.add(Math.floor(random() * records))
    return Array.from(numbers, number => number * length)
  })
}

/** @param {import('./peers.mjs').Batches} source @param {any} answer @param {number[]} offsets @param {Task} task */
function verifyBatch(source, answer, offsets, { path, length }) {
  offsets.forEach((offset, index) => {
    if (!bytesAt(offset, length).equals(source.part(answer, index))) throw wrong(path, offset)
  })
}
