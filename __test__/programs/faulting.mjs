// Waits for the disk in as many ways as it is told: by page faults of its own, of addons and of a worker, and by reads, which are none.
// Writes to a file what each of them took: page faults as the kernel counts them for the thread, and how late the event loop was.
//
// Arguments: the file for the results, a folder with files named as the ways, a folder to evict by (or -), and the ways.

import { randomFillSync } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { MappedFile } from 'faultless'
import { unpopulatedWindow } from '#binding'

const PAGE = 4096
/** More than what one fault brings along. */
const STEP = 48 * PAGE

const [results, folder, memory, ...ways] = workerData ?? process.argv.slice(2)
const require = createRequire(import.meta.url)
const peer = name => require(`../../bench/peers/node_modules/${name}`)
const touch = (bytes, step = STEP) => {
  let sum = 0
  for (let at = 0; at < bytes.length; at += step) sum += bytes[at]
  return sum
}

/** An open file whose views bring in as much with each fault as the disk reads ahead, like mappings that nobody advises on. */
async function openNormally(path) {
  const file = await MappedFile.open(path)
  await file.advise('normal')
  return file
}

/** Each gets its file ready, and answers with what is measured. */
const ALL = {
  async view(path) {
    // What is evicted is what the memory cgroup is charged for.
    fs.writeFileSync(join(memory, 'cgroup.procs'), String(process.pid))
    const file = await openNormally(path)
    const bytes = await file.view(0, file.byteLength)
    const [name, amount] = fs.existsSync(join(memory, 'memory.reclaim'))
      ? ['memory.reclaim', '1G']
      : ['memory.force_empty', '0']
    try {
      fs.writeFileSync(join(memory, name), amount)
    } catch (error) {
      // There was less than that to take.
      if (error.code !== 'EAGAIN') throw error
    }
    return function touchView() {
      return touch(bytes)
    }
  },
  peer(path) {
    const { map, PROT_READ, MAP_SHARED } = peer('@riaskov/mmap-io')
    const bytes = map(fs.statSync(path).size, PROT_READ, MAP_SHARED, fs.openSync(path), 0)
    return function touchPeer() {
      return touch(bytes)
    }
  },
  lmdb(path) {
    const database = peer('lmdb').open({ path, encoding: 'binary', noSubdir: true, readOnly: true })
    return function readDatabase() {
      for (let key = 0; key < 2000; key += 40) database.getBinary(key)
    }
  },
  sqlite(path) {
    const Database = require('../peers/node_modules/libsql')
    const database = new Database(path, { readonly: true })
    database.pragma('mmap_size = 1073741824')
    const row = database.prepare('select value from data where id = ?')
    return function readTable() {
      for (let key = 0; key < 2000; key += 40) row.get(key)
    }
  },
  addon(path) {
    const addon = require(process.env.MAPPING_ADDON)
    return function touchByAddon() {
      return addon.touch(path, STEP)
    }
  },
  async write(path) {
    const file = await openNormally(path)
    const cold = new Uint8Array(unpopulatedWindow(Buffer.from(path)))
    const written = `/dev/shm/faultless-${process.pid}`
    const out = fs.openSync(written, 'w')
    return function writeView() {
      fs.writeSync(out, cold, 0, file.byteLength)
      fs.unlinkSync(written)
    }
  },
  async worker(path) {
    const file = await openNormally(path)
    const cold = new Uint8Array(unpopulatedWindow(Buffer.from(path)))
    return function touchInWorker() {
      return touch(cold.subarray(0, file.byteLength))
    }
  },
  async readAhead(path) {
    const file = await openNormally(path)
    const cold = new Uint8Array(unpopulatedWindow(Buffer.from(path)))
    // Its pages are on their way when they are touched.
    await file.advise('willneed')
    return function touchAhead() {
      return touch(cold.subarray(0, file.byteLength))
    }
  },
  swap() {
    // More than the memory cgroup has room for: what was written first is swapped out.
    fs.writeFileSync(join(memory, 'cgroup.procs'), String(process.pid))
    const bytes = randomFillSync(Buffer.allocUnsafeSlow(96 << 20))
    return function touchSwapped() {
      return touch(bytes, PAGE)
    }
  },
  readSync: path => () => fs.readFileSync(path),
  readFile: path => () => fs.promises.readFile(path),
  idle: () => () => delay(200),
}

/** Of this thread. */
function majorFaults() {
  const text = fs.readFileSync('/proc/thread-self/stat', 'utf8')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[12 - 3])
}

async function measure(way) {
  const body = await ALL[way](join(folder, way))
  const late = monitorEventLoopDelay({ resolution: 1 })
  late.enable()
  await delay(20)
  late.reset()
  // What comes first after a reset is not recorded.
  await delay(20)
  const before = majorFaults()
  const begun = performance.timeOrigin + performance.now()
  await body()
  const major = majorFaults() - before
  const elapsed = performance.timeOrigin + performance.now() - begun
  await delay(20)
  late.disable()
  return { function: body.name, major, begun, elapsed, late: late.max / 1e6 }
}

if (isMainThread) {
  const found = {}
  for (const way of ways) {
    if (way !== 'worker') found[way] = await measure(way)
    else {
      const worker = new Worker(new URL(import.meta.url), { workerData: [results, folder, memory] })
      found[way] = await new Promise((resolve, reject) => worker.on('message', resolve).on('error', reject))
    }
  }
  fs.writeFileSync(results, JSON.stringify(found))
} else parentPort.postMessage(await measure('worker'))
