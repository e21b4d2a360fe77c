// Programs that need much memory for a while and then idle: one says what it did and held at its peak, and what it holds after a
// pause.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { deflate } from 'node:zlib'
import { KiB, MiB } from '../harness/cells.mjs'
import { loadPeer } from '../harness/peers.mjs'
import { seededRandom } from '../harness/random.mjs'

/** Milliseconds after which a program counts as idle. */
const PAUSE = 5000
/** Milliseconds that a program of full scale reads, sums up, or is trimmed for. */
const WORKING = 3000

/** Bytes of one line of /proc/self/status. @param {string} name */
const status = name => KiB * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))[1])

/** A buffer of which each page is written. @param {number} size */
function touched(size) {
  const buffer = Buffer.allocUnsafeSlow(size)
  for (let at = 0; at < size; at += 4 * KiB) buffer[at] = 1
  return buffer
}

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

async function collect() {
  for (let time = 0; time < 3; time += 1) {
    gc()
    await sleep(50)
  }
}

/** Each resolves to how much it has done. `parts` are what its workers do. */
const PROGRAMS = {
  /** Many small jobs at once on the pool, each with a quarter of a MiB of its own for a moment. */
  async deflates({ scale }) {
    const packed = promisify(deflate)
    const text = Buffer.alloc(600, 'some text that is short')
    const rounds = 3
    const jobs = Math.ceil(5000 * scale)
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(Array.from({ length: jobs }, () => packed(text)))
      gc()
    }
    return { done: rounds * jobs }
  },

  /** Workers that end while they hold 24 MiB each. */
  async workers({ scale }) {
    const rounds = 4
    const count = Math.ceil(50 * scale)
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(
        Array.from({ length: count }, async () => {
          const worker = new Worker(fileURLToPath(import.meta.url), { argv: ['workers'] })
          await once(worker, 'message')
          await worker.terminate()
        }),
      )
    }
    return { done: rounds * count }
  },

  /** Workers with requests of all sizes, a cache, and a burst now and then. */
  mixed: task => inWorkers('mixed', 4, task),

  /** A worker that needs a GiB once. */
  once: task => inWorkers('once', 1, task),

  /** Workers that need 48 MiB each, one after the other: each keeps what it was given. */
  turns: task => inTurn('turns', 12, task),

  /** Bodies that are collected and joined, on the main thread. */
  async bodies({ scale }) {
    const server = createServer(async (message, response) => {
      const parts = []
      for await (const part of message) parts.push(part)
      response.end(String(Buffer.concat(parts).length))
    }).listen(0)
    await once(server, 'listening')
    const { port } = server.address()
    const client = new Worker(fileURLToPath(import.meta.url), { argv: ['bodies'], workerData: { port, scale } })
    const [done] = await once(client, 'message')
    server.close()
    return { done }
  },

  /** Workers that read a file anew each time. */
  reads: task => inWorkers('reads', 4, task),

  /** Buffers that are taken and let go of while the arena that they come from is trimmed: how long each takes. */
  async trimmed({ scale }) {
    const { allocator } = await import('faultless')
    const took = []
    let kept = []
    for (const end = performance.now() + WORKING * scale; performance.now() < end; ) {
      kept = Array.from({ length: 2000 }, () => touched(100_000)).filter((_, index) => index % 8 === 0)
      gc()
      let trimming = true
      allocator.trim().finally(() => {
        trimming = false
      })
      while (trimming) {
        for (let times = 0; times < 20; times += 1) {
          const before = performance.now()
          Buffer.allocUnsafeSlow(100_000)[0] = 1
          took.push(performance.now() - before)
        }
        await new Promise(setImmediate)
      }
    }
    took.sort((a, b) => a - b)
    const at = share => took[Math.floor(share * (took.length - 1))]
    return { done: took.length + kept.length, wait: { p50: at(0.5), p99: at(0.99), longest: at(1) } }
  },

  /** Nothing that malloc could be slow at. */
  async sums({ scale }) {
    let sum = 0
    const numbers = Float64Array.from({ length: 4096 }, (_, index) => index)
    const end = performance.now() + WORKING * scale
    let done = 0
    for (; performance.now() < end; done += 1) for (const number of numbers) sum += number
    return { done: sum > 0 ? done : 0 }
  },

  /** Pictures made smaller, in threads of the package sharp. */
  async sharp({ scale }) {
    const sharp = loadPeer('sharp')
    const side = 2000
    const pixels = Buffer.alloc(3 * side * side, 'pixels')
    const picture = await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
      .jpeg()
      .toBuffer()
    const count = Math.ceil(100 * scale)
    let started = 0
    const lane = async () => {
      while (started++ < count)
        await sharp(picture)
          .resize({ width: 200 + 37 * (started % 30) })
          .webp({ effort: 0 })
          .toBuffer()
    }
    await Promise.all(Array.from({ length: 8 }, lane))
    return { done: count }
  },
}

const PARTS = {
  workers() {
    globalThis.kept = [
      ...Array.from({ length: 20 }, () => touched(MiB)),
      ...Array.from({ length: 200 }, () => touched(20_000)),
    ]
    return 1
  },

  async mixed({ scale, index }) {
    const random = seededRandom(index + 1)
    const end = performance.now() + 10_000 * scale
    const kept = []
    let next = performance.now() + 1250 * scale
    let done = 0
    for (; performance.now() < end; done += 1) {
      const size = Math.floor(2 ** (10 + 13 * random()))
      const buffer = touched(size)
      if (size < 256 * KiB && random() < 0.05) kept[Math.floor(random() * 200)] = buffer
      if (performance.now() > next) {
        next += 2500 * scale
        Array.from({ length: 200 }, () => touched(MiB))
      }
      if (done % 50 === 0) await new Promise(setImmediate)
    }
    return done
  },

  once: ({ scale }) => Array.from({ length: Math.ceil(1024 * scale) }, () => touched(MiB)).length,

  turns: ({ scale }) => Array.from({ length: Math.ceil(768 * scale) }, () => touched(64 * KiB)).length,

  async bodies({ port, scale }) {
    const body = Buffer.alloc(8 * MiB, 7)
    const count = Math.ceil(120 * scale)
    let started = 0
    const lane = async () => {
      while (started++ < count) {
        const sent = request({ port, method: 'POST' })
        sent.end(body)
        const [response] = await once(sent, 'response')
        response.resume()
        await once(response, 'end')
      }
    }
    await Promise.all(Array.from({ length: 12 }, lane))
    return count
  },

  reads({ scale, path, size, reads = Number.POSITIVE_INFINITY }) {
    const end = performance.now() + WORKING * scale
    let done = 0
    for (; done < reads && performance.now() < end; done += 1) {
      if (readFileSync(path).length !== size) throw new Error(`${path} is not as long as it was`)
    }
    return done
  },
}

async function inWorkers(part, count, task) {
  const done = await Promise.all(Array.from({ length: count }, (_, index) => inWorker(part, { ...task, index })))
  return { done: done.reduce((sum, each) => sum + each, 0) }
}

async function inTurn(part, count, task) {
  let done = 0
  for (let index = 0; index < count; index += 1) done += await inWorker(part, { ...task, index })
  return { done }
}

/** What a part has done. The worker stays, idle, and holds nothing. */
async function inWorker(part, data) {
  const worker = new Worker(fileURLToPath(import.meta.url), { argv: [part], workerData: data })
  worker.unref()
  const [done] = await once(worker, 'message')
  return done
}

if (isMainThread) await main(JSON.parse(process.argv[2]))
else {
  const [name] = process.argv.slice(2)
  const done = await PARTS[name](workerData)
  if (name !== 'workers') await collect()
  parentPort.postMessage(done)
  // It stays, idle.
  setInterval(() => {}, 1e6)
}

/**
 * @param {{ name: string, scale?: number, path?: string, size?: number, reads?: number, pause?: number, trim?: boolean }} task
 *   `reads` of each worker, at most, of the file at `path`
 */
async function main({ name, scale = 1, pause = PAUSE, trim = false, ...task }) {
  const begun = performance.now()
  const { done, ...besides } = await PROGRAMS[name]({ scale, ...task })
  const rate = (1000 * done) / (performance.now() - begun)
  await collect()
  const { minorPageFault } = process.resourceUsage()
  const worked = { kind: 'worked', done, rate, ...besides, faults: minorPageFault, peak: status('VmHWM') }
  process.once('disconnect', () => process.exit(1))
  process.once('message', () => process.exit())
  process.send(worked)
  const trimmed = trim ? await (await import('faultless')).allocator.trim() : undefined
  await sleep(pause)
  process.send({ kind: 'idle', idle: status('VmRSS'), trimmed, ...(await decision()) })
}

/** What was decided where malloc is tuned. */
async function decision() {
  if (!process.env.NODE_OPTIONS?.includes('faultless')) return {}
  const { allocator } = await import('faultless')
  return { decision: allocator.stats('glibc').decision }
}
