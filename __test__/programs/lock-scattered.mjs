// Locks every other page of a large file until that is refused, and prints how, what the process can still do, and what is left locked.

import { once } from 'node:events'
import fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import { MappedFile } from 'faultless'
import { MiB, PAGE } from '../helpers/files.mjs'
import { lockedKiB, untilLocked } from '../helpers/locked.mjs'
import { mappingCount } from '../helpers/process-size.mjs'

const path = process.argv[2]
const PAGES = 70_000
const most = Number(fs.readFileSync('/proc/sys/vm/max_map_count', 'latin1'))
const file = await MappedFile.open(path)
let locked = 0
let refused
let next = 0
const locking = async () => {
  while (next < PAGES && !refused) {
    const page = next++
    try {
      await file.lock(2 * page * PAGE, 1)
      locked++
    } catch ({ code, message }) {
      refused = { code, says: /max_map_count/.test(message) }
    }
  }
}
await Promise.all(Array.from({ length: 200 }, locking))
const left = most - mappingCount()
const kept = lockedKiB() === (locked * PAGE) / 1024
// What needs mappings: memory, threads, files.
const buffers = Array.from({ length: 200 }, () => Buffer.alloc(MiB, 1))
const worker = new Worker('require("node:worker_threads").parentPort.postMessage("here")', { eval: true })
const [said] = await once(worker, 'message')
const other = await MappedFile.open(process.execPath)
await other.view(0, MiB)
await other.close()
const again = await file.lock(0, 1).then(
  () => 'locked',
  ({ code }) => code,
)
await file.close()
await untilLocked(0)
console.log(
  JSON.stringify({ refused, enough: left > 10_000, kept, buffers: buffers.length, said, again, after: lockedKiB() }),
)
