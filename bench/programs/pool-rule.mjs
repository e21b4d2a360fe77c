// By which rule Buffer.allocUnsafe takes a slice of its pool, and what a slice keeps in memory: prints it as JSON.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { KiB } from '../harness/cells.mjs'

const POOLS = [8 * KiB, 64 * KiB, 256 * KiB]
/** So many slices use up any pool that was begun before. */
const ENOUGH = 1000
const own = Buffer.poolSize

/** Whether a buffer of so many bytes is a slice of the pool. @param {number} pool @param {number} size */
const isSlice = (pool, size) => Buffer.allocUnsafe(size).buffer.byteLength >= pool

const rules = POOLS.map(pool => {
  Buffer.poolSize = pool
  for (let slice = 0; slice < ENOUGH; slice += 1) Buffer.allocUnsafe(1000)
  const half = pool >>> 1
  const kept = Buffer.allocUnsafe(100)
  return { pool, below: isSlice(pool, half - 8), at: isSlice(pool, half), held: kept.buffer.byteLength }
})

Buffer.poolSize = 2 * own
const worker = new Worker("require('node:worker_threads').parentPort.postMessage(Buffer.poolSize)", { eval: true })
const [inWorker] = await once(worker, 'message')
console.log(JSON.stringify({ own, rules, inWorker }))
